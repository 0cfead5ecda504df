import { describe, expect, it } from '@jest/globals';
import { redactError } from '../../../src/instrumentation/error.redactor.js';
import { verificationEvents, type VerificationEvent } from '../../../src/processing/handlers/verification.event.js';
import { payload } from '../../support/app/payload.js';

function event(overrides: Record<string, unknown> = {}): VerificationEvent {
  const body = payload({
    extractedData: null,
    externalReferenceId: null,
    proofHash: null,
    metadata: null,
    ...overrides,
  });
  return verificationEvents({
    id: 'd-1',
    tenant: '',
    status: 'COMPLETED',
    rawBody: JSON.stringify(body),
    receivedAt: 0,
  })();
}

const john = event({
  externalReferenceId: 'user_abc123',
  proofHash: '9f2c00',
  extractedData: {
    accountHolder: 'John Doe',
    balance: 1234.5,
    iban: 'DE89 3704',
    owners: [{ name: 'Jane "JJ" Roe', note: 'first\nsecond' }],
  },
  metadata: { agent: 'Mozilla' },
});

describe('an error that quotes the payload', () => {
  it.each([
    ['a name', 'No account for John Doe.', 'No account for [redacted].'],
    ['a name twice', 'John Doe is not John Doe', '[redacted] is not [redacted]'],
    ['a number', 'balance 1234.5 is too low', 'balance [redacted] is too low'],
    ['a value deep within', 'owner Jane "JJ" Roe', 'owner [redacted]'],
    ['a value as JSON quotes it', String.raw`{"name":"Jane \"JJ\" Roe"}`, '{"name":"[redacted]"}'],
    ['a value of two lines', 'note: first\nsecond', 'note: [redacted]'],
    ['a value of two lines as JSON quotes it', String.raw`note: "first\nsecond"`, 'note: "[redacted]"'],
    ['the reference', "Duplicate entry 'user_abc123'", "Duplicate entry '[redacted]'"],
    ['the proof', 'hash 9f2c00 is unknown', 'hash [redacted] is unknown'],
    ['metadata', 'cannot read Mozilla', 'cannot read [redacted]'],
    ['several', 'John Doe, DE89 3704, 1234.5', '[redacted], [redacted], [redacted]'],
  ])('is kept without %s', (_, message, kept) => {
    expect(redactError(new Error(message), john)).toBe(`Error: ${kept}`);
    expect(redactError(message, john)).toBe(kept);
  });

  it('is kept without the value even in its name', () => {
    expect(redactError(Object.assign(new Error('x'), { name: 'John Doe' }), john)).toBe('[redacted]: x');
  });

  it('is kept without the values that a class of the host has made of the data', () => {
    class Account {
      readonly openedOn = new Date('2020-02-29T00:00:00Z');
      readonly neverOpened = new Date(NaN);
      readonly cents = 123_456n;
      readonly owners = new Map([['iban-1', new Set(['Jane Roe'])]]);
      readonly self = this;
    }
    const typed = { ...john, extractedData: new Account() } as unknown as VerificationEvent;
    const day = new Date('2020-02-29T00:00:00Z');
    expect(redactError(`${day} ${day.toISOString()} 123456 iban-1 Jane Roe John`, typed)).toBe(
      '[redacted] [redacted] [redacted] [redacted] [redacted] John',
    );
  });

  it('is kept without a long value before a short one that is part of it', () => {
    const both = event({ extractedData: { first: 'John', whole: 'John Doe' } });
    expect(redactError('John Doe and John', both)).toBe('[redacted] and [redacted]');
  });

  it('is kept without a value that goes on for pages', () => {
    const statement = 'line of a bank statement '.repeat(1_000);
    const kept = redactError(`Cannot parse ${statement}`, event({ extractedData: { statement } }));
    expect(kept).toBe('Cannot parse [redacted]');
  });

  it('is kept without values, wherever its message is cut', () => {
    const filler = `${'x'.repeat(9_995)} `;
    const kept = redactError(`${filler}John Doe`, event({ extractedData: { filler, holder: 'John Doe' } }));
    expect(kept).not.toContain('John');
  });

  it.each(['red', 'act', 'ted', 'redacted', '[redacted]'])('says so once where the value is %j', (value) => {
    expect(redactError(`It is ${value}.`, event({ extractedData: { value, again: [value, value] } }))).toBe(
      'It is [redacted].',
    );
  });

  it.each(Array.from({ length: 12 }, (_, n) => n))(
    'is kept without a value of which %d characters are searched',
    (n) => {
      const secret = 'QRSTUVWXYZ-0123456789';
      const long = 'y'.repeat(3_900);
      const text = `${long} ${'-'.repeat(99 - n)}${secret} and ${'x'.repeat(1_000)}`;
      const kept = redactError(text, event({ extractedData: { long, secret } }));
      expect(kept).not.toMatch(/[Q-Z]/);
    },
  );

  it('takes no longer for a large payload that it quotes', () => {
    const transactions = Array.from({ length: 8_000 }, (_, n) => ({
      id: `t-${n * 7919}`,
      date: '2025-01-02',
      amount: n * 13.37,
      memo: `Payment number ${n} to merchant ${n * 31}`,
    }));
    const large = event({ extractedData: { transactions } });
    const error = new Error(`The ledger refused: ${JSON.stringify(large.extractedData)}`);
    const begunAt = process.cpuUsage();
    expect(redactError(error, large)).toMatch(/^Error: The ledger refused: .*\[redacted\]/);
    expect(process.cpuUsage(begunAt).user / 1_000).toBeLessThan(1_000); // it was half a minute
  });

  it('is kept in one line, capped, all the same', () => {
    const kept = redactError(new Error(`a\nJohn Doe\n${'x'.repeat(2_000)}`), john);
    expect(kept).toMatch(/^Error: a \[redacted\] x+…$/);
    expect(kept).toHaveLength(501);
  });

  it('does not grow with every value: a payload could fill the memory', () => {
    const values = ['red', 'cte', 'eda', 'ted', 'dac', 'act'].flatMap((word) => Array.from({ length: 5 }, () => word));
    expect(redactError('It is red.', event({ extractedData: { values } }))).toBe('It is [redacted].');
  });
});

describe('an error that does not', () => {
  it.each(['ok', 'EUR 5', 'It failed at COMPLETED'])('is kept as it is: %j', (message) => {
    const words = event({ extractedData: { a: 'ok', b: 5, c: true, d: null, e: '', f: 'a', g: {} } });
    expect(redactError(new TypeError(message), words)).toBe(`TypeError: ${message}`);
  });

  it('keeps the names of fields and the delivery, and not the session', () => {
    const message = `accountHolder of ${john.sessionId} in ${john.deliveryId}`;
    expect(redactError(message, john)).toBe(`accountHolder of [redacted] in ${john.deliveryId}`);
  });

  it('is kept in one line, capped, and without its cause', () => {
    const error = new Error(`a\nb ${'x'.repeat(2_000)}`, { cause: new Error('John Doe') });
    const kept = redactError(error, john);
    expect(kept).toMatch(/^Error: a b x+…$/);
    expect(kept).toHaveLength(501);
  });

  it('may be about a delivery without any data', () => {
    expect(redactError(new Error('x'), event())).toBe('Error: x');
  });
});
