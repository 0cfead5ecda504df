import { describe, expect, it } from '@jest/globals';
import { format, inspect } from 'node:util';
import {
  VerificationCancelled,
  VerificationCompleted,
  VerificationErrored,
  VerificationPartiallyCompleted,
  VerificationTerminated,
  verificationStatuses,
  type VerificationStatus,
} from 'nestjs-cr3dentials-webhook';
import {
  eventClasses,
  verificationEvents,
  withReadonlyFields,
} from '../../../../src/processing/handlers/verification.event.js';
import { HOLDER } from '../../../support/app/canaries.js';
import { payload } from '../../../support/app/payload.js';

const RECEIVED_AT = 1_742_817_900_000;
const sample = payload({ sessionId: 's-1' });

function eventOf(body: string, status: VerificationStatus = 'COMPLETED') {
  return verificationEvents({ id: 'd-1', tenant: 'north', status, rawBody: body, receivedAt: RECEIVED_AT })();
}

function eventWith(overrides: Record<string, unknown>) {
  return eventOf(JSON.stringify({ ...sample, ...overrides }));
}

describe.each([
  ['COMPLETED', VerificationCompleted, 'cr3dentials.verification.completed'],
  ['PARTIAL_COMPLETE', VerificationPartiallyCompleted, 'cr3dentials.verification.partially-completed'],
  ['ERROR', VerificationErrored, 'cr3dentials.verification.errored'],
  ['CANCELLED', VerificationCancelled, 'cr3dentials.verification.cancelled'],
  ['TERMINATED', VerificationTerminated, 'cr3dentials.verification.terminated'],
] as const)('status %s', (status, eventClass, eventName) => {
  it('has a class of its own, which names the event', () => {
    const event = eventOf(JSON.stringify({ ...sample, status }), status);
    expect(event.constructor).toBe(eventClass);
    expect(event.status).toBe(status);
    expect(eventClass.eventName).toBe(eventName);
  });

  it('is the recorded one, whatever the stored body says', () => {
    expect(eventOf(JSON.stringify({ ...sample, status: 'SOMETHING' }), status).status).toBe(status);
  });
});

describe('the event classes', () => {
  it('are one for each documented status', () => {
    expect(Object.keys(eventClasses)).toEqual([...verificationStatuses]);
    expect(new Set(Object.values(eventClasses).map(({ eventName }) => eventName)).size).toBe(5);
  });
});

describe('an event', () => {
  it("has the contract's fields and where they come from, and nothing else", () => {
    expect({ ...eventWith({ metadata: { source: 'portal' }, unknown: 'field' }) }).toEqual({
      status: 'COMPLETED',
      sessionId: 's-1',
      platformId: 1,
      externalReferenceId: 'user_abc123',
      extractedData: { accountHolder: HOLDER, accountType: 'checking' },
      proofHash: '9f2c…',
      completedAt: new Date('2025-03-24T12:05:00.000Z'),
      metadata: { source: 'portal' },
      receivedAt: new Date(RECEIVED_AT),
      deliveryId: 'd-1',
      tenant: 'north',
    });
  });

  it.each(['externalReferenceId', 'extractedData', 'proofHash', 'completedAt', 'metadata'] as const)(
    'has null where %s is null or missing',
    (field) => {
      expect(eventWith({ [field]: null })[field]).toBeNull();
      expect(eventWith({ [field]: undefined })[field]).toBeNull();
    },
  );

  it.each([
    ['2025-03-24T14:05:00+02:00', '2025-03-24T12:05:00.000Z'],
    ['2025-03-24T12:05:00', '2025-03-24T12:05:00.000Z'],
    ['2025-03-24T14:05:00+02', '2025-03-24T12:05:00.000Z'],
    ['2025-03-24', '2025-03-24T00:00:00.000Z'],
  ])('completed at %s has a Date', (completedAt, instant) => {
    expect(eventWith({ completedAt }).completedAt).toEqual(new Date(instant));
  });

  it('has data that one handler cannot change for the next', () => {
    const event = eventWith({ extractedData: { accounts: [{ iban: 'DE' }] }, metadata: { tags: ['a'] } });
    const { accounts } = event.extractedData as { accounts: { iban: string }[] };
    expect(() => accounts.push({ iban: 'FR' })).toThrow(TypeError);
    expect(() => Object.assign(accounts[0] as object, { iban: 'FR' })).toThrow(TypeError);
    const { tags } = event.metadata as { tags: string[] };
    expect(() => tags.push('b')).toThrow(TypeError);
  });

  it('is itself the same for all who share it', () => {
    const event = withReadonlyFields(eventWith({}));
    expect(() => Object.assign(event, { sessionId: 'another' })).toThrow(TypeError);
    expect(() => Object.assign(event, { extractedData: null })).toThrow(TypeError);
    expect(() => Reflect.deleteProperty(event, 'status')).not.toThrow();
    expect(event.status).toBe('COMPLETED');
    expect({ ...event }).toEqual({ ...eventWith({}) });
    expect(event).toBeInstanceOf(VerificationCompleted);
  });

  it.each([
    ['of one handler', eventWith({})],
    ['of all listeners', withReadonlyFields(eventWith({}))],
  ])('may be extended: an event bus notes on it what belongs to it, %s', (_, event) => {
    Object.defineProperty(event, Symbol.for('context'), { value: 1 });
    expect(Object.isExtensible(event)).toBe(true);
  });

  it('is one of its own for each handler, of values that they can share', () => {
    const next = verificationEvents({
      id: 'd-1',
      tenant: '',
      status: 'COMPLETED',
      rawBody: JSON.stringify(sample),
      receivedAt: RECEIVED_AT,
    });
    const [one, other] = [next(), next()];
    expect(one).toEqual(other);
    expect(one).not.toBe(other);
    expect(one.extractedData).toBe(other.extractedData);
    one.completedAt?.setTime(0);
    one.receivedAt.setTime(0);
    expect(other).toMatchObject({ completedAt: new Date('2025-03-24T12:05:00Z'), receivedAt: new Date(RECEIVED_AT) });
  });

  it('is frozen however deep its data is', () => {
    const depth = 20_000;
    const event = eventOf(`{"sessionId":"s-1","extractedData":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`);
    expect(Object.isFrozen(event.extractedData?.a)).toBe(true);
  });

  it('prints ids only, and is JSON with all of its fields', () => {
    const event = eventWith({ sessionId: 's\n1' });
    expect(inspect(event)).toBe("VerificationCompleted { deliveryId: 'd-1', sessionId: 's\\n1' }");
    expect(inspect({ event }, { depth: 5 })).not.toContain(HOLDER);
    expect(format('%o %O %j', event, event, 1)).not.toContain(HOLDER);
    expect(JSON.parse(JSON.stringify(event))).toMatchObject({
      extractedData: { accountHolder: HOLDER },
      tenant: 'north',
    });
  });

  it('keeps every digit that JavaScript has', () => {
    const event = eventOf(JSON.stringify(sample).replace('"checking"', '9007199254740993, "s": "9007199254740993"'));
    expect(event.extractedData).toMatchObject({ accountType: 9007199254740992, s: '9007199254740993' });
  });

  it('is read past a byte order mark, which a raw body may begin with', () => {
    expect(eventOf(`\uFEFF${JSON.stringify(sample)}`).sessionId).toBe('s-1');
  });

  it('keeps a byte order mark within a value', () => {
    expect(eventWith({ externalReferenceId: '\uFEFFref' }).externalReferenceId).toBe('\uFEFFref');
  });

  it.each([
    ['', SyntaxError],
    ['{', SyntaxError],
    ['\uFEFF\uFEFF{}', SyntaxError],
    ['null', TypeError],
  ])('is not made of a body that is no JSON object any more: %j', (body, error) => {
    expect(() => eventOf(body)).toThrow(error);
  });
});
