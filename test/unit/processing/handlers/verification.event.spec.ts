import { describe, expect, it } from '@jest/globals';
import {
  VerificationCancelled,
  VerificationCompleted,
  VerificationErrored,
  VerificationPartiallyCompleted,
  VerificationTerminated,
  verificationStatuses,
  type VerificationStatus,
} from 'nestjs-cr3dentials-webhook';
import { eventClasses, verificationEvent } from '../../../../src/processing/handlers/verification.event.js';
import { HOLDER } from '../../../support/app/canaries.js';
import { payload } from '../../../support/app/payload.js';

const RECEIVED_AT = 1_742_817_900_000;
const sample = payload({ sessionId: 's-1' });

function eventOf(body: string, status: VerificationStatus = 'COMPLETED') {
  return verificationEvent({ id: 'd-1', status, rawBody: body, receivedAt: RECEIVED_AT });
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

  it('cannot be changed by one handler for the next', () => {
    const event = eventWith({});
    expect(Object.isFrozen(event)).toBe(true);
    expect(() => Object.assign(event, { sessionId: 'another' })).toThrow(TypeError);
    expect(() => Object.assign(event, { more: 1 })).toThrow(TypeError);
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
