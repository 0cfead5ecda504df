import { beforeEach, describe, expect, it } from '@jest/globals';
import { HandlerRun } from '../../../../src/inbox/handler-run.entity.js';
import type { ClaimedDelivery, Lease } from '../../../../src/inbox/claimed-delivery.js';
import { InFlightDeliveries, type Claim } from '../../../../src/processing/worker/in-flight.deliveries.js';

const lease: Lease = { claimId: 'me', expiresAt: 1_000 };

function delivery(id: string, rescues = 0): ClaimedDelivery {
  return {
    id,
    tenant: '',
    sessionId: `session of ${id}`,
    status: 'COMPLETED',
    rawBody: '{}',
    isOpen: true,
    dispatches: 1,
    rescues,
    replays: 0,
    onlyNamedHandlers: 0,
    expectedHandlers: [],
    receivedAt: 0,
    traceContext: null,
    replayTraceContext: null,
  };
}

describe('deliveries in flight', () => {
  let inFlight: InFlightDeliveries;

  beforeEach(() => {
    inFlight = new InFlightDeliveries();
  });

  /** What was not in flight before. */
  function take(id: string, rescues = 0): Claim {
    const claim = inFlight.add(delivery(id, rescues), lease);
    if (!claim) throw new Error(`${id} is in flight.`);
    return claim;
  }

  it('are none at first', () => {
    expect(inFlight).toMatchObject({ size: 0, ids: [], hasPoisonSuspect: false });
  });

  it('are those that were added, with their previous runs and the end of their lease', () => {
    const origin = { source: 'claim', previousRuns: [{ handler: 'a' } as HandlerRun] } as const;
    const claim = inFlight.add(delivery('a'), lease, origin);
    expect(claim).toMatchObject({ delivery: { id: 'a' }, origin, leaseExpiresAt: 1_000 });
    expect(take('b').origin).toEqual({ source: 'handoff', previousRuns: [] });
    expect(inFlight).toMatchObject({ size: 2, ids: ['a', 'b'] });
  });

  it('are not added twice, and the first claim goes on', () => {
    const claim = take('a');
    expect(inFlight.add(delivery('a'), { claimId: 'me', expiresAt: 9_000 })).toBeUndefined();
    expect(inFlight.size).toBe(1);
    expect(inFlight.has(claim)).toBe(true);
    expect(claim.leaseExpiresAt).toBe(1_000);
  });

  it('are removed', () => {
    const claim = take('a');
    inFlight.remove(claim);
    expect(inFlight.has(claim)).toBe(false);
    expect(inFlight.size).toBe(0);
    inFlight.remove(claim);
    expect(claim.cancellation.isRequested).toBe(false);
  });

  it('tell a delivery that is claimed again from the claim that was lost', () => {
    const before = take('a');
    inFlight.evict(() => true);
    const after = take('a');
    expect(inFlight.has(before)).toBe(false);
    inFlight.remove(before);
    expect(inFlight.has(after)).toBe(true);
    expect(inFlight.ids).toEqual(['a']);
  });

  it('are cancelled when they are evicted, and only those', () => {
    const [lost, kept] = [take('a'), take('b')];
    expect(inFlight.evict(({ delivery: { id } }) => id === 'a')).toBe(1);
    expect(lost.cancellation.isRequested).toBe(true);
    expect(lost.cancellation.reason).toEqual(new Error('The lease was lost: another worker may have the delivery.'));
    expect(kept.cancellation.isRequested).toBe(false);
    expect(inFlight.ids).toEqual(['b']);
    expect(inFlight.evict(() => false)).toBe(0);
  });

  it('are remembered as lost only when their worker was cut off, until they are forgotten', () => {
    const [cutOff, blocked] = [take('a'), take('b')];
    expect(inFlight.evictUnrenewed((claim) => claim === cutOff)).toBe(1);
    expect(inFlight.evict((claim) => claim === blocked)).toBe(1);
    expect(cutOff.cancellation.isRequested).toBe(true);
    expect([...inFlight.lost]).toEqual([['a', { leaseExpiresAt: 1_000, isReported: false }]]);
    inFlight.markReported(['b'], () => true);
    expect([...inFlight.lost]).toEqual([['a', { leaseExpiresAt: 1_000, isReported: false }]]);
    inFlight.markReported(['a'], () => false);
    expect([...inFlight.lost]).toEqual([['a', { leaseExpiresAt: 1_000, isReported: true }]]);
    inFlight.markReported(['a'], (id) => id === 'a');
    expect([...inFlight.lost]).toEqual([]);
  });

  it('have their leases extended when they are renewed, and only those', () => {
    const [extended, other] = [take('a'), take('b')];
    const before = take('c');
    inFlight.evict((claim) => claim === before);
    inFlight.extend([extended, before], 5_000);
    expect(before.leaseExpiresAt).toBe(1_000);
    expect(extended.leaseExpiresAt).toBe(5_000);
    expect(other.leaseExpiresAt).toBe(1_000);
    expect(inFlight.size).toBe(2);
  });

  it('are cancelled together and stay until they end on their own', () => {
    const all = [take('a'), take('b')];
    const reason = new Error('The app is shutting down.');
    inFlight.cancelAll(reason);
    for (const { cancellation } of all) expect(cancellation.reason).toBe(reason);
    expect(inFlight.ids).toEqual(['a', 'b']);
  });

  it.each([
    [0, false],
    [1, false],
    [2, true],
  ])('with one that is rescued %d times include a poison suspect: %p', (rescues, isSuspect) => {
    take('innocent');
    const claim = take('a', rescues);
    expect(inFlight.hasPoisonSuspect).toBe(isSuspect);
    inFlight.remove(claim);
    expect(inFlight.hasPoisonSuspect).toBe(false);
  });
});
