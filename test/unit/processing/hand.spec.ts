import { beforeEach, describe, expect, it } from '@jest/globals';
import type { HandlerRun } from 'nestjs-cr3dentials-webhook';
import type { ClaimedDelivery, Lease } from '../../../src/inbox/recording.js';
import { Hand, type Held } from '../../../src/processing/hand.js';

const lease: Lease = { owner: 'me', expiresAt: 1_000 };

function delivery(id: string, takeovers = 0): ClaimedDelivery {
  return {
    id,
    tenant: '',
    sessionId: `session of ${id}`,
    status: 'COMPLETED',
    payload: '{}',
    attempts: 1,
    takeovers,
    replays: 0,
    byName: 0,
    receivedAt: 0,
  };
}

describe('a hand', () => {
  let hand: Hand;

  beforeEach(() => {
    hand = new Hand();
  });

  /** What was not in hand before. */
  function take(id: string, takeovers = 0): Held {
    const held = hand.add(delivery(id, takeovers), lease);
    if (!held) throw new Error(`${id} is in hand.`);
    return held;
  }

  it('is empty at first', () => {
    expect(hand).toMatchObject({ size: 0, ids: [], holdsSuspect: false });
  });

  it('holds what was put in it, with what is remembered and until when', () => {
    const runs = [{ handler: 'a' } as HandlerRun];
    const held = hand.add(delivery('a'), lease, runs);
    expect(held).toMatchObject({ delivery: { id: 'a' }, remembered: runs, leaseExpiresAt: 1_000 });
    expect(take('b').remembered).toEqual([]);
    expect(hand).toMatchObject({ size: 2, ids: ['a', 'b'] });
  });

  it('takes nothing twice: what is under way goes on', () => {
    const held = take('a');
    expect(hand.add(delivery('a'), { owner: 'me', expiresAt: 9_000 })).toBeUndefined();
    expect(hand.size).toBe(1);
    expect(hand.has(held)).toBe(true);
    expect(held.leaseExpiresAt).toBe(1_000);
  });

  it('lets go', () => {
    const held = take('a');
    hand.letGo(held);
    expect(hand.has(held)).toBe(false);
    expect(hand.size).toBe(0);
    hand.letGo(held);
    expect(held.interruption.hasCome).toBe(false);
  });

  it('does not take a delivery claimed anew for the one that was lost', () => {
    const before = take('a');
    hand.lose(() => true);
    const after = take('a');
    expect(hand.has(before)).toBe(false);
    hand.letGo(before);
    expect(hand.has(after)).toBe(true);
    expect(hand.ids).toEqual(['a']);
  });

  it('interrupts what it loses, and only that', () => {
    const [lost, kept] = [take('a'), take('b')];
    expect(hand.lose(({ delivery: { id } }) => id === 'a')).toBe(1);
    expect(lost.interruption.hasCome).toBe(true);
    expect(lost.interruption.reason).toEqual(new Error('The lease was lost: another worker may have the delivery.'));
    expect(kept.interruption.hasCome).toBe(false);
    expect(hand.ids).toEqual(['b']);
    expect(hand.lose(() => false)).toBe(0);
  });

  it('extends the leases it is told of, and only those', () => {
    const [extended, other] = [take('a'), take('b')];
    hand.extend(new Set(['a', 'never held']), { owner: 'me', expiresAt: 5_000 });
    expect(extended.leaseExpiresAt).toBe(5_000);
    expect(other.leaseExpiresAt).toBe(1_000);
    expect(hand.size).toBe(2);
  });

  it('interrupts all and keeps holding them: they end on their own', () => {
    const all = [take('a'), take('b')];
    const reason = new Error('The application is shutting down.');
    hand.interruptAll(reason);
    for (const { interruption } of all) expect(interruption.reason).toBe(reason);
    expect(hand.ids).toEqual(['a', 'b']);
  });

  it.each([
    [0, false],
    [1, false],
    [2, true],
  ])('with a delivery taken over %d times holds a suspect: %p', (takeovers, isSuspect) => {
    take('innocent');
    const held = take('a', takeovers);
    expect(hand.holdsSuspect).toBe(isSuspect);
    hand.letGo(held);
    expect(hand.holdsSuspect).toBe(false);
  });
});
