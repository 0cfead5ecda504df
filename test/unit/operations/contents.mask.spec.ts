import { describe, expect, it } from '@jest/globals';
import { maskId, maskText, shapeOf } from '../../../src/operations/contents.mask.js';

describe('a masked id', () => {
  it.each([
    ['a1b2c3d4-e5f6-7890-abcd-ef1234567890', 'a1b2c3d4…7890'],
    ['a-session-of-20-char', 'a-sessio…char'],
    ['a-session-of-19-cha', 'a-…ha (19)'],
    ['short', '••• (5)'],
    ['', '••• (0)'],
  ])('%j is shown as %j', (id, shown) => expect(maskId(id)).toBe(shown));
});

describe('a masked text', () => {
  it.each([
    ['user_abc123', 'us…23 (11)'],
    ['12345678', '12…78 (8)'],
    ['1234567', '••• (7)'],
    ['🙂🙂🙂🙂🙂🙂🙂🙂', '🙂🙂…🙂🙂 (8)'],
  ])('%j is shown as %j', (text, shown) => expect(maskText(text)).toBe(shown));
});

describe('the shape of a body', () => {
  it('has the names, types and lengths of its values, and no value', () => {
    const body = {
      sessionId: 's-1',
      extractedData: { accountHolder: 'John Doe', balance: 12.5, isJoint: true, owners: ['Jane'], bank: { bic: 'X' } },
      proofHash: null,
      metadata: {},
    };
    expect(shapeOf(`\uFEFF${JSON.stringify(body)}`)).toEqual({
      sessionId: '••• (text, 3)',
      'extractedData.accountHolder': '••• (text, 8)',
      'extractedData.balance': '••• (number)',
      'extractedData.isJoint': '••• (boolean)',
      'extractedData.owners': '••• (list, 1)',
      'extractedData.bank.bic': '••• (text, 1)',
      proofHash: 'null',
    });
  });

  it('has a limited number of short lines', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`${'x'.repeat(600)}\n${n}`, n]));
    const shape = shapeOf(JSON.stringify({ first: 'a', extractedData: many }));
    expect(Object.keys(shape).length).toBeLessThanOrEqual(200);
    for (const name of Object.keys(shape)) expect(name).toMatch(/^[^\n]{1,600}$/);
  });
});
