import { describe, expect, it } from '@jest/globals';
import { verificationStatuses } from 'nestjs-cr3dentials-webhook';
import { verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import { validateContract } from '../../../src/contract/payload-validation.js';
import { fingerprint } from '../../../src/inbox/delivery.identity.js';

const platforms = [1, 2, 3, 4, 5, 6];
const seeds = Array.from({ length: 40 }, (_, index) => `seed ${index}`);

/** The names of the fields, of the nested ones too. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [shapeOf(value[0])];
  if (value === null || typeof value !== 'object') return '';
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]));
}

describe('a payload', () => {
  it.each(verificationStatuses)('keeps the contract with status %s, whatever the seed', (status) => {
    for (const seed of seeds) {
      const payload = verificationPayload({ seed, status });
      expect(validateContract(JSON.parse(JSON.stringify(payload)))).toEqual({ payload: { ...payload, status } });
    }
  });

  it('is the same for the same seed, to the byte', () => {
    for (const status of verificationStatuses) {
      const [first, second] = [1, 2].map(() => JSON.stringify(verificationPayload({ seed: 'alike', status })));
      expect(first).toBe(second);
    }
    expect(verificationPayload({ seed: 7 })).toEqual(verificationPayload({ seed: '7' }));
  });

  it('has a session and data of its own for every seed, and for every call without one', () => {
    const seeded = seeds.map((seed) => verificationPayload({ seed }));
    const unseeded = seeds.map(() => verificationPayload());
    const all = [...seeded, ...unseeded];
    expect(new Set(all.map(({ sessionId }) => sessionId)).size).toBe(all.length);
    expect(new Set(all.map(({ proofHash }) => proofHash)).size).toBe(all.length);
  });

  it('draws twenty thousand sessions, and none of them twice', () => {
    const sessions = new Set<string>();
    for (let seed = 0; seed < 20_000; seed++) sessions.add(verificationPayload({ seed, status: 'ERROR' }).sessionId);
    expect(sessions.size).toBe(20_000);
  });

  it('has the form that the provider documents', () => {
    const payload = verificationPayload({ seed: 1 });
    expect(payload.sessionId).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(payload.proofHash).toMatch(/^[\da-f]{64}$/);
    expect(new Date(payload.completedAt ?? '').toISOString()).toBe(payload.completedAt);
  });

  it('is of platform 1 unless another one is asked for', () => {
    expect(new Set(seeds.map((seed) => verificationPayload({ seed }).platformId))).toEqual(new Set([1]));
    expect(verificationPayload({ platformId: undefined }).platformId).toBe(1);
  });

  it('is COMPLETED unless another status is asked for', () => {
    expect(verificationPayload().status).toBe('COMPLETED');
    expect(verificationPayload({ status: undefined }).status).toBe('COMPLETED');
  });
});

describe('extracted data', () => {
  it('has another shape on every platform', () => {
    const shapes = platforms.map((platformId) =>
      JSON.stringify(shapeOf(verificationPayload({ seed: 1, platformId }).extractedData)),
    );
    expect(new Set(shapes).size).toBe(platforms.length);
  });

  it('of platform 1 is that of the documented sample', () => {
    expect(verificationPayload({ platformId: 1 }).extractedData).toMatchObject({
      accountHolder: expect.any(String),
      accountType: expect.stringMatching(/^(checking|savings)$/),
    });
  });

  it.each([0, -3, 7, 1e21, 2.5])('is there on a platform nobody has heard of (%s)', (platformId) => {
    const payload = verificationPayload({ platformId });
    expect(payload.platformId).toBe(platformId);
    expect(Object.keys(payload.extractedData ?? {}).length).toBeGreaterThan(2);
  });

  it('is a part of the whole when the verification is partial', () => {
    for (const platformId of platforms) {
      const whole = verificationPayload({ seed: 1, platformId }).extractedData ?? {};
      const part = verificationPayload({ seed: 1, platformId, status: 'PARTIAL_COMPLETE' }).extractedData ?? {};
      expect(whole).toMatchObject(part);
      expect(Object.keys(part).length).toBeGreaterThan(0);
      expect(Object.keys(part).length).toBeLessThan(Object.keys(whole).length);
    }
  });

  it.each(['ERROR', 'CANCELLED', 'TERMINATED'] as const)('is null after %s, with proof and completion', (status) => {
    const { extractedData, proofHash, completedAt } = verificationPayload({ status });
    expect({ extractedData, proofHash, completedAt }).toEqual({
      extractedData: null,
      proofHash: null,
      completedAt: null,
    });
  });
});

describe('overrides', () => {
  it('stand as they are given', () => {
    const given = {
      sessionId: 's-1',
      status: 'ERROR' as const,
      platformId: 42,
      externalReferenceId: null,
      extractedData: { any: 'thing' },
      proofHash: 'abc',
      completedAt: '2024-01-01T00:00:00Z',
      metadata: null,
    };
    expect(verificationPayload(given)).toEqual(given);
  });

  it('leave the session as its seed has it, so that another status is a conflict', () => {
    const first = verificationPayload({ seed: 'one session' });
    const second = verificationPayload({ seed: 'one session', status: 'CANCELLED' });
    expect(second.sessionId).toBe(first.sessionId);
    expect(fingerprint(second)).not.toBe(fingerprint(first));
  });
});
