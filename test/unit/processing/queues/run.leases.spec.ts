import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ClaimedQueuedRun } from '../../../../src/inbox/queued-run.js';
import { RunLeases } from '../../../../src/processing/queues/run.leases.js';

const LEASE_MS = 30_000;
const WAIT_MS = LEASE_MS / 3;

describe('the leases of runs from queues', () => {
  let renewals: { claims: number; answer: () => void }[];
  let leases: RunLeases;

  beforeEach(() => {
    jest.useFakeTimers();
    renewals = [];
    const repository = {
      renew: (claims: readonly { claimId: string }[]) =>
        new Promise<Set<string>>((resolve) =>
          renewals.push({ claims: claims.length, answer: () => resolve(new Set(claims.map((one) => one.claimId))) }),
        ),
    };
    leases = new RunLeases(
      repository as never,
      { id: 'worker' } as never,
      { now: () => Date.now() },
      { announce() {} } as never,
      { lease: LEASE_MS },
    );
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const add = () => {
    const claim = { claimId: leases.newClaimId(), deliveryId: 'd', handler: 'h' };
    return leases.add({ claim, rescues: 0 } as ClaimedQueuedRun, Date.now() + LEASE_MS);
  };

  it('are renewed by one timer, also when all end and another begins while the database renews them', async () => {
    const first = add();
    await jest.advanceTimersByTimeAsync(WAIT_MS);
    expect(renewals).toHaveLength(1);
    leases.remove(first);
    const second = add();
    renewals[0]?.answer();
    await jest.advanceTimersByTimeAsync(WAIT_MS);
    expect(renewals.map(({ claims }) => claims)).toEqual([1, 1]);
    renewals[1]?.answer();
    await jest.advanceTimersByTimeAsync(0);
    leases.remove(second);
    expect(jest.getTimerCount()).toBe(0);
  });
});
