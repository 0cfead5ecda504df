import { describe, expect, it } from '@jest/globals';
import { createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { DataKey } from '../../../src/encryption/data.key.js';
import { NoncePool, parseSealed, seal, unseal, type SealedPlace } from '../../../src/encryption/sealed-text.js';

const VALUE = Buffer.alloc(32, 'a key of a test ');
const key = DataKey.from({ id: 'k-1', value: VALUE });
const nonces = new NoncePool();
const place: SealedPlace = { column: 'delivery.raw_body', row: 'row-1', tenant: 'bank' };
const TEXT = '{"accountHolder":"Jane Roe","n":7.50,"odd":"\\u0000 é 漢字 🙂"}';

function open(sealed: string, at: SealedPlace = place, with_: DataKey = key): string | undefined {
  const parsed = parseSealed(sealed);
  return parsed && unseal(with_, parsed, at);
}

/** Opens a text as the documentation describes the format, without the code under test. */
function openByHand(sealed: string, { column, row, tenant }: SealedPlace): string {
  const [head = '', keyId, content = ''] = sealed.split('.');
  const aad = Buffer.from(JSON.stringify(['cr3dentials-webhook', 1, head.at(-1), column, row, tenant, keyId]));
  const sealKey = Buffer.from(hkdfSync('sha256', VALUE, '', 'cr3dentials-webhook/seal/1', 32));
  const messageKey = createHmac('sha256', sealKey)
    .update(aad)
    .update(Buffer.from([1]))
    .digest();
  const bytes = Buffer.from(content, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', messageKey, bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(aad).setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString();
}

describe('a sealed text', () => {
  it('opens in its place, byte for byte', () => {
    for (const text of [TEXT, '', 'x', 'é'.repeat(5_000), '\0 \uFEFF']) {
      expect(open(seal(key, text, place, nonces, true))).toBe(text);
      expect(open(seal(key, text, place, nonces, false))).toBe(text);
    }
  });

  it('has the documented format', () => {
    const sealed = seal(key, TEXT, place, nonces, true);
    expect(sealed).toMatch(/^cw1r\.k-1\.[\w-]+$/);
    expect(sealed).toHaveLength(6 + 3 + Math.ceil(((28 + Buffer.byteLength(TEXT)) * 4) / 3));
    expect(openByHand(sealed, place)).toBe(TEXT);
  });

  it('opens for ever: this one was sealed by the first version', () => {
    expect(open('cw1r.k-1.lEFHM4s7FIU5c9Lyu412aZQlDPBwHzmHpR8T0pMcgXKLs-x-rz-DNPY')).toBe('first version');
  });

  it('does not open in another place, with another key, or as another compression', () => {
    const sealed = seal(key, TEXT, place, nonces, false);
    const other = DataKey.from({ id: 'k-1', value: randomBytes(32) });
    const renamed = DataKey.from({ id: 'k-2', value: VALUE });
    expect(open(sealed)).toBe(TEXT); // the control
    expect(open(sealed, { ...place, row: 'row-2' })).toBeUndefined();
    expect(open(sealed, { ...place, tenant: '' })).toBeUndefined();
    expect(open(sealed, { ...place, column: 'rejection.raw_body' })).toBeUndefined();
    expect(open(sealed, place, other)).toBeUndefined();
    expect(open(sealed.replace('.k-1.', '.k-2.'), place, renamed)).toBeUndefined();
    expect(open(sealed.replace('cw1r', 'cw1d'))).toBeUndefined();
  });

  it('does not open once a single bit of it has changed', () => {
    const sealed = seal(key, 'short', place, nonces, false);
    const changed = [...Array(sealed.length * 8).keys()].map((bit) => {
      const bytes = Buffer.from(sealed, 'latin1');
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return bytes.toString('latin1');
    });
    expect(changed.filter((text) => open(text) !== undefined)).toEqual([]);
  });

  it('does not open with other bits at its end that no byte has, or with more around it', () => {
    for (const text of ['four', 'abc']) {
      const sealed = seal(key, text, place, nonces, false); // its last character has bits to spare
      const ends = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];
      const opening = ends.filter((end) => open(sealed.slice(0, -1) + end) !== undefined);
      expect(opening).toEqual([sealed.at(-1)]);
      for (const more of [`x${sealed}`, `${sealed}=`, `${sealed}\n`, `${sealed}.`])
        expect(parseSealed(more)).toBeUndefined();
    }
  });

  it('does not open when it would become larger than 64 MiB', () => {
    const sealed = seal(key, 'x'.repeat(64 * 1024 * 1024 + 1), place, nonces, true);
    expect(sealed).toMatch(/^cw1d\./);
    expect(open(sealed)).toBeUndefined();
    const largest = 'x'.repeat(64 * 1024 * 1024);
    expect(open(seal(key, largest, place, nonces, true)) === largest).toBe(true);
  });

  it('does not open when it is cut off or empty', () => {
    const sealed = seal(key, TEXT, place, nonces, false);
    for (const cut of [1, 2, 4, 16, 22, 40]) expect(open(sealed.slice(0, -cut))).toBeUndefined();
    for (const none of ['', 'cw1', 'cw1r.k-1.', '{}', 'cw1x.k-1.' + 'A'.repeat(60)]) expect(open(none)).toBeUndefined();
  });

  it('differs each time that the same is sealed', () => {
    const all = Array.from({ length: 1_000 }, () => seal(key, TEXT, place, nonces, false));
    expect(new Set(all).size).toBe(1_000); // more than the pool of nonces holds
  });

  it('has a nonce of its own from the first one on', () => {
    const pool = new NoncePool();
    const all = Array.from({ length: 1_000 }, () => pool.next().toString('hex'));
    expect(all.filter((nonce) => nonce.length !== 24)).toEqual([]);
    expect(new Set(all).size).toBe(1_000);
  });

  it('is compressed from 2048 bytes, if that saves a tenth', () => {
    const long = JSON.stringify({ list: Array.from({ length: 200 }, (_, n) => ({ name: 'account', n })) });
    const sealed = seal(key, long, place, nonces, true);
    expect(sealed).toMatch(/^cw1d\./);
    expect(sealed.length).toBeLessThan(long.length / 2);
    expect(open(sealed)).toBe(long);
    expect(seal(key, long, place, nonces, false)).toMatch(/^cw1r\./);
    expect(seal(key, long.slice(0, 2_047), place, nonces, true)).toMatch(/^cw1r\./);
    expect(seal(key, 'x'.repeat(2_047), place, nonces, true)).toMatch(/^cw1r\./);
    expect(seal(key, 'x'.repeat(2_048), place, nonces, true)).toMatch(/^cw1d\./);
    const random = randomBytes(3_000)
      .toString('latin1')
      .replaceAll(/[^\x20-\x7E]/g, '');
    expect(open(seal(key, random, place, nonces, true))).toBe(random);
  });
});

describe('a key', () => {
  it('is the same in every form', () => {
    const forms = [
      VALUE,
      new Uint8Array(VALUE),
      VALUE.toString('hex'),
      VALUE.toString('base64'),
      VALUE.toString('base64url'),
    ];
    const sealed = seal(key, TEXT, place, nonces, false);
    for (const value of forms) expect(open(sealed, place, DataKey.from({ id: 'k-1', value }))).toBe(TEXT);
  });

  it('leaves the bytes of the host as they are', () => {
    const bytes = Buffer.from(VALUE);
    DataKey.from({ id: 'k', value: bytes });
    expect(bytes.equals(VALUE)).toBe(true);
  });

  it('is used once it has sealed', () => {
    const fresh = DataKey.from({ id: 'k', value: VALUE });
    expect(fresh.isUsed).toBe(false);
    seal(fresh, TEXT, place, nonces, false);
    expect(fresh.isUsed).toBe(true);
  });

  it('has 32 bytes', () => {
    const [hex, base64] = [VALUE.toString('hex'), VALUE.toString('base64')];
    const longer = [`${hex}0`, `x${hex}`, `${base64}A`, ` ${base64}`, 7 as unknown as string];
    for (const value of [
      '',
      'short',
      'x'.repeat(64),
      randomBytes(31),
      randomBytes(33).toString('base64url'),
      ...longer,
    ])
      expect(() => DataKey.from({ id: 'k', value })).toThrow('32 bytes');
  });
});
