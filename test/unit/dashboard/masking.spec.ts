import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { fromCursor, toCursor } from '../../../src/dashboard/api/cursor.js';
import { changesOf } from '../../../src/dashboard/masking/payload.changes.js';
import { maskPayload } from '../../../src/dashboard/masking/payload.mask.js';
import { HOLDER } from '../../support/app/canaries.js';
import { payload } from '../../support/app/payload.js';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';

describe('the mask of a payload', () => {
  it('shows documented fields that identify nobody, and of all others the name and the type', () => {
    const { sessionId } = payload();
    expect(maskPayload(payload({ sessionId, unknown: [1, HOLDER, true, null] }))).toEqual({
      kind: 'object',
      isCut: false,
      fields: [
        { name: 'sessionId', value: { kind: 'shown', value: sessionId } },
        { name: 'status', value: { kind: 'shown', value: 'COMPLETED' } },
        { name: 'platformId', value: { kind: 'shown', value: 1 } },
        { name: 'externalReferenceId', value: { kind: 'shown', value: 'user_abc123' } },
        {
          name: 'extractedData',
          value: {
            kind: 'object',
            isCut: false,
            fields: [
              { name: 'accountHolder', value: { kind: 'hidden', type: 'text' } },
              { name: 'accountType', value: { kind: 'hidden', type: 'text' } },
            ],
          },
        },
        { name: 'proofHash', value: { kind: 'hidden', type: 'text' } },
        { name: 'completedAt', value: { kind: 'shown', value: '2025-03-24T12:05:00.000Z' } },
        {
          name: 'metadata',
          value: { kind: 'object', isCut: false, fields: [{ name: 'agent', value: { kind: 'hidden', type: 'text' } }] },
        },
        {
          name: 'unknown',
          value: {
            kind: 'list',
            length: 4,
            items: ['number', 'text', 'boolean', 'null'].map((type) => ({ kind: 'hidden', type })),
          },
        },
      ],
    });
  });

  it.each(['status', 'platformId', 'completedAt'])('hides a value of %s that is not as documented', (field) => {
    expect(JSON.stringify(maskPayload(payload({ [field]: HOLDER })))).not.toContain(HOLDER);
    expect(JSON.stringify(changesOf(payload(), payload({ [field]: HOLDER })))).not.toContain(HOLDER);
  });

  it('shows nothing of what is nested, however it is called', () => {
    const hostile = { '': { status: HOLDER, sessionId: HOLDER }, extractedData: { sessionId: HOLDER, status: HOLDER } };
    expect(JSON.stringify(maskPayload(hostile))).not.toContain(HOLDER);
    expect(JSON.stringify(changesOf({}, hostile))).not.toContain(HOLDER);
    expect(JSON.stringify(changesOf({ '': {}, extractedData: {} }, hostile))).not.toContain(HOLDER);
  });

  it('shows no value of any other field, in a mask or in changes', () => {
    const secret = 'kestrel-4711';
    const leaf = fc.oneof(fc.constant(secret), fc.constant(`${secret}!`), fc.integer());
    const data = fc.dictionary(
      fc.string({ maxLength: 5 }),
      fc.oneof(leaf, fc.array(leaf), fc.dictionary(fc.string(), leaf)),
    );
    fc.assert(
      fc.property(data, data, (before, after) => {
        const bodies = [{ extractedData: before }, { extractedData: after }] as const;
        const shown = JSON.stringify([maskPayload(bodies[0]), changesOf(...bodies)]);
        expect(shown).not.toContain(secret);
      }),
    );
  });

  it('stops at a depth and a number of fields', () => {
    let deep: unknown = HOLDER;
    for (let level = 0; level < 200; level++) deep = { deep };
    expect(JSON.stringify(maskPayload(deep))).toContain('"cut"');
    const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`field${n}`, n]));
    expect(maskPayload(wide)).toMatchObject({ isCut: true });
    expect(changesOf({}, wide)).toHaveLength(200);
  });
});

describe('the changes of a payload', () => {
  it('are added, removed and changed places, with values of the fields that are shown', () => {
    const before = { status: 'COMPLETED', extractedData: { accounts: [{ number: 1 }, { number: 2 }], gone: 1 } };
    const after = { status: 'ERROR', extractedData: { accounts: [{ number: 1 }, { number: 3 }, { number: 4 }] } };
    expect(changesOf(before, after)).toEqual([
      {
        path: 'status',
        change: 'changed',
        before: { kind: 'shown', value: 'COMPLETED' },
        after: { kind: 'shown', value: 'ERROR' },
      },
      { path: 'extractedData.accounts[1].number', change: 'changed' },
      { path: 'extractedData.accounts[2]', change: 'added' },
      { path: 'extractedData.gone', change: 'removed' },
    ]);
    expect(changesOf(before, before)).toEqual([]);
  });
});

describe('a cursor', () => {
  it('goes on where it was made, with the same filter', () => {
    const cursor = toCursor({ id: ID, at: 5 }, { state: 'dead' });
    expect(fromCursor(cursor, { state: 'dead' })).toEqual({ id: ID, at: 5 });
    expect(fromCursor(undefined, {})).toBeUndefined();
  });

  it.each([
    ['of another filter', toCursor({ id: ID }, { state: 'pending' })],
    ['that is no text of ours', 'AAAA'],
    ['with another id', Buffer.from('["x","1 OR 1=1"]').toString('base64url')],
  ])('is refused: %s', (_, cursor) => {
    expect(() => fromCursor(cursor, { state: 'dead' })).toThrow(/cursor is of another list/i);
  });
});
