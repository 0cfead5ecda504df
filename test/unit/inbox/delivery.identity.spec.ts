import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { validateContract } from '../../../src/contract/payload-validation.js';
import { fingerprint, idempotencyKey } from '../../../src/inbox/delivery.identity.js';
import { payload } from '../../support/app/payload.js';

const sample = payload({ sessionId: 's-1' });

/** Of a body as it arrives. */
function fingerprintOf(body: Record<string, unknown>): string {
  const result = validateContract(JSON.parse(JSON.stringify(body)));
  if (!result.payload) throw new Error(`Not understood: ${result.rejection?.detail}`);
  return fingerprint(result.payload);
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function without(field: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(sample).filter(([name]) => name !== field));
}

function reversed(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, reversed(member)] as const)
      .toReversed(),
  );
}

describe('an idempotency key', () => {
  it('is the same for the same session of the same tenant', () => {
    expect(idempotencyKey('acme', 'AbC1')).toBe(idempotencyKey('acme', 'AbC1'));
  });

  it('is a SHA-256 in hex, and stays what it is from version to version', () => {
    expect(idempotencyKey('acme', 's')).toBe(hashed('acme\0s'));
    expect(idempotencyKey('t'.repeat(255), 's'.repeat(512))).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['case', 'AbC1', 'aBc1'],
    ['accents', 'é1', 'e1'],
    ['accents that look the same', '\u00E91', 'e\u03011'],
    ['trailing spaces', 'sp', 'sp '],
    ['leading spaces', 'sp', ' sp'],
    ['width', 'ａ', 'a'],
    ['numbers that equal', '1', '1.0'],
    ['the end of a long one', `${'x'.repeat(511)}a`, `${'x'.repeat(511)}b`],
  ])('tells sessions apart by %s, which collations take for equal', (_, one, other) => {
    expect(idempotencyKey('', one)).not.toBe(idempotencyKey('', other));
    expect(idempotencyKey(one, 's')).not.toBe(idempotencyKey(other, 's'));
  });

  it('tells tenants apart, wherever the one ends and the session begins', () => {
    const keys = [
      idempotencyKey('', 'abc'),
      idempotencyKey('a', 'bc'),
      idempotencyKey('ab', 'c'),
      idempotencyKey('abc', ''),
    ];
    expect(new Set(keys).size).toBe(4);
  });
});

describe('a fingerprint', () => {
  it('does not count the order of keys, however deep', () => {
    const body = { ...sample, extractedData: { a: 1, b: { c: [{ d: 1, e: 2 }], f: null } } };
    expect(JSON.stringify(reversed(body))).not.toBe(JSON.stringify(body));
    expect(fingerprintOf(reversed(body) as Record<string, unknown>)).toBe(fingerprintOf(body));
    expect(fingerprintOf({ ...body, extractedData: { a: 1, b: { f: null, c: [{ e: 2, d: 1 }] } } })).toBe(
      fingerprintOf(body),
    );
  });

  it.each([{ metadata: { attempt: 2 } }, { metadata: null }, { unknown: 'field' }, { deliveryAttempt: { n: 2 } }])(
    'does not count metadata and fields that are not documented: %j',
    (change) => {
      expect(fingerprintOf({ ...sample, ...change })).toBe(fingerprintOf(sample));
    },
  );

  it.each([
    { sessionId: 's-2' },
    { status: 'PARTIAL_COMPLETE' },
    { platformId: 2 },
    { externalReferenceId: 'user_abc124' },
    { externalReferenceId: null },
    { extractedData: null },
    { extractedData: {} },
    { extractedData: { accountHolder: 'John Doe', accountType: 'savings' } },
    { extractedData: { accountHolder: 'John Doe', accountType: 'checking', iban: null } },
    { proofHash: '9f2d…' },
    { proofHash: null },
    { completedAt: '2025-03-24T12:05:00.001Z' },
    { completedAt: null },
  ])('counts every other field: %j', (change) => {
    expect(fingerprintOf({ ...sample, ...change })).not.toBe(fingerprintOf(sample));
  });

  it.each(['externalReferenceId', 'extractedData', 'proofHash', 'completedAt', 'metadata'])(
    'takes a missing field for null: %s',
    (field) => {
      expect(fingerprintOf(without(field))).toBe(fingerprintOf({ ...sample, [field]: null }));
    },
  );

  it.each([
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: 1 }, { a: '1' }],
    [{ a: [] }, { a: {} }],
    [{ a: null }, {}],
    [{ a: '' }, { a: null }],
    [{ a: 'x","b":"y' }, { a: 'x', b: 'y' }],
    [{ a: ['x,y'] }, { a: ['x', 'y'] }],
    [{ a: '\uD800' }, { a: '\uFFFD' }],
    [{ a: { b: {} } }, { a: {}, b: {} }],
  ])('tells %j from %j', (one, other) => {
    expect(fingerprintOf({ ...sample, extractedData: one })).not.toBe(
      fingerprintOf({ ...sample, extractedData: other }),
    );
  });

  it('takes numbers for equal that are written in two ways', () => {
    const [one, other] = ['{"a": 1.0}', '{"a": 1e0}'].map((json) =>
      fingerprintOf({ ...sample, extractedData: JSON.parse(json) }),
    );
    expect(one).toBe(other);
  });

  it('stays what it is from version to version: recorded ones are compared with it', () => {
    const body = { sessionId: 's', status: 'ERROR', platformId: 7, extractedData: { b: [1, 'é'], a: null } };
    const canonical =
      '{"completedAt":null,"externalReferenceId":null,"extractedData":{"a":null,"b":[1,"é"]},"metadata":null,"platformId":7,"proofHash":null,"sessionId":"s","status":"ERROR"}';
    expect(fingerprintOf(body)).toBe(hashed(canonical));
  });
});
