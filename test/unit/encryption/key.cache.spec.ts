import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { KeyProvider, type EncryptionKey } from 'nestjs-cr3dentials-webhook';
import { randomBytes } from 'node:crypto';
import { DataKey } from '../../../src/encryption/data.key.js';
import { KeyCache } from '../../../src/encryption/key.cache.js';

/** A key service that counts its calls, and fails when it is told to. */
class CountingProvider extends KeyProvider {
  readonly keys = new Map<string, EncryptionKey>();
  current = 'k-1';
  isDown = false;
  calls = 0;
  override destroy?: (tenant: string) => Promise<void>;

  constructor() {
    super();
    for (const id of ['k-1', 'k-2']) this.keys.set(id, { id, value: randomBytes(32) });
  }

  currentKey(): Promise<EncryptionKey> {
    return this.answer(this.current) as Promise<EncryptionKey>;
  }

  key(id: string): Promise<EncryptionKey | null> {
    return this.answer(id);
  }

  private async answer(id: string): Promise<EncryptionKey | null> {
    this.calls++;
    await Promise.resolve();
    if (this.isDown) throw new Error('down');
    return this.keys.get(id) ?? null;
  }
}

const MINUTE = 60_000;

describe('the cache of a key provider', () => {
  let provider: CountingProvider;
  let cache: KeyCache;
  let now: number;
  let failures: string[];

  beforeEach(() => {
    provider = new CountingProvider();
    now = 0;
    failures = [];
    const settings = { refreshAfter: 5 * MINUTE, keepFor: 60 * MINUTE, max: 3 };
    cache = new KeyCache(
      provider,
      settings,
      (error) => failures.push(error),
      () => now,
    );
  });

  it('asks once for all that wait for the current key, and not again', async () => {
    await Promise.all([cache.load('a'), cache.load('a'), cache.load('a')]);
    expect(cache.load('a')).toBeUndefined();
    expect(cache.current('a').id).toBe('k-1');
    expect(provider.calls).toBe(1);
    expect(cache.find('k-1', 'a')).toBe(cache.current('a'));
  });

  it('refreshes the current key in the background, and goes on with the one it has', async () => {
    await cache.load('a');
    provider.current = 'k-2';
    now = 6 * MINUTE;
    expect(cache.load('a')).toBeUndefined();
    expect(cache.current('a').id).toBe('k-1');
    await new Promise(setImmediate);
    expect(cache.current('a').id).toBe('k-2');
  });

  it('serves a key while the provider fails, until it is too old', async () => {
    await cache.load('a');
    provider.isDown = true;
    now = 30 * MINUTE;
    for (let n = 0; n < 5; n++) {
      expect(cache.load('a')).toBeUndefined();
      await new Promise(setImmediate);
    }
    expect(cache.current('a').id).toBe('k-1');
    expect(provider.calls).toBe(2); // not with each POST
    expect(failures).toEqual(['Error']);
    now = 61 * MINUTE;
    await expect(cache.load('a')).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    expect(() => cache.current('a')).toThrow(expect.objectContaining({ code: 'KEYS_UNAVAILABLE' }));
  });

  it('remembers for ten seconds that a key could not be had', async () => {
    provider.isDown = true;
    await expect(cache.load('a')).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    await expect(cache.load('a')).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    expect(await cache.find('k-2', 'a')).toBeUndefined();
    expect(await cache.find('k-2', 'a')).toBeUndefined();
    expect(provider.calls).toBe(2);
    provider.isDown = false;
    now = 10_001;
    await cache.load('a');
    expect(await cache.find('k-2', 'a')).toBeInstanceOf(DataKey);
  });

  it('tells a key that was destroyed from one that cannot be had', async () => {
    expect(await cache.find('k-9', 'a')).toBe('destroyed');
    provider.isDown = true;
    expect(await cache.find('k-8', 'a')).toBeUndefined();
  });

  it('refuses a key of another id than it asked for', async () => {
    provider.keys.set('k-3', { id: 'k-1', value: randomBytes(32) });
    expect(await cache.find('k-3', 'a')).toBeUndefined();
    expect(failures).toEqual(['The answer to "k-3" is a key of another id.']);
  });

  it('refuses a key that is too short, or that nobody has filled, and says so', async () => {
    provider.keys.set('k-4', { id: 'k-4', value: randomBytes(16) });
    provider.keys.set('k-5', { id: 'k-5', value: Buffer.alloc(32) });
    expect([await cache.find('k-4', 'a'), await cache.find('k-5', 'a')]).toEqual([undefined, undefined]);
    expect(failures).toEqual(['The key "k-4" does not have 32 bytes.', 'The key "k-5" has the same byte 32 times.']);
  });

  it('lets the key go that was not used for the longest time', async () => {
    for (const tenant of ['a', 'b', 'c']) await cache.load(tenant);
    expect(cache.load('a')).toBeUndefined();
    await cache.load('d');
    expect(cache.load('a')).toBeUndefined();
    expect(cache.load('b')).toBeInstanceOf(Promise);
  });

  it('takes no answer within ten seconds for a failure, and asks again later', async () => {
    jest.useFakeTimers();
    try {
      const { currentKey } = provider;
      provider.currentKey = () => new Promise(() => {});
      const outcome = Promise.resolve(cache.load('t')).catch((error: { code?: string }) => error.code);
      await jest.advanceTimersByTimeAsync(10_000);
      expect(await outcome).toBe('KEYS_UNAVAILABLE');
      expect(failures).toEqual(['TimeoutError']);
      provider.currentKey = currentKey;
      now += MINUTE;
      await cache.load('t');
      expect(cache.current('t').id).toBe('k-1');
    } finally {
      jest.useRealTimers();
    }
  });

  it('gives up a destruction that hangs, and asks anew for what it had', async () => {
    jest.useFakeTimers();
    try {
      provider.destroy = () => new Promise(() => {});
      await cache.load('');
      let outcome: unknown;
      void cache.destroy('').catch((error: unknown) => (outcome = error));
      await jest.advanceTimersByTimeAsync(10_000);
      expect(String(outcome)).toBe('Error: The key provider did not destroy the keys within 10000 ms.');
      expect(() => cache.current('')).toThrow('The key provider gave no key');
      await cache.load('');
      expect(cache.current('').id).toBe('k-1');
    } finally {
      jest.useRealTimers();
    }
  });

  it('keeps no key that was asked for before it was destroyed, and those of other tenants', async () => {
    await cache.load('b');
    const answers: (() => void)[] = [];
    const held = () => new Promise<void>((resolve) => answers.push(resolve));
    const { currentKey, key } = provider;
    provider.currentKey = () => held().then(() => currentKey.call(provider));
    provider.key = (id) => held().then(() => key.call(provider, id));
    provider.destroy = () => Promise.resolve();
    const [loading, finding] = [cache.load('a'), cache.find('k-2', 'a')];
    await cache.destroy('a');
    const anew = cache.load('a');
    for (const answer of answers) answer();
    await Promise.all([loading, finding, anew]);
    expect(provider.calls).toBe(4);
    expect(cache.find('k-2', 'a')).toBeInstanceOf(Promise);
    expect(cache.current('a').id).toBe('k-1'); // of the question after the destruction
    await cache.destroy('a');
    expect(() => cache.current('a')).toThrow('The key provider gave no key');
    expect(cache.current('b').id).toBe('k-1');
  });
});
