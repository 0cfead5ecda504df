import { describe, expect, it } from '@jest/globals';
import { ProcessingSlots } from '../../../../src/processing/worker/processing.slots.js';

function slotsOf(concurrency: number) {
  const executions = { overdueDeliveries: 0 };
  const slots = new ProcessingSlots(concurrency, executions);
  const take = (count: number) => Array.from({ length: count }, () => slots.take());
  return { slots, executions, take };
}

describe('the slots of deliveries', () => {
  it('are as many as "concurrency", until they are given back', () => {
    const { slots, take } = slotsOf(2);
    const [one] = take(2);
    expect(slots.free).toBe(0);
    slots.release(one as never);
    expect(slots.free).toBe(1);
  });

  it('are free again when their deliveries have taken long', () => {
    const { slots, take } = slotsOf(2);
    const taken = take(2);
    expect(slots.moveToOverflow(60_000)).toBe(false);
    expect(slots.moveToOverflow(0)).toBe(true);
    expect([slots.free, slots.overflow]).toEqual([2, 2]);
    for (const slot of taken) slots.release(slot);
    expect([slots.free, slots.overflow]).toEqual([2, 0]);
  });

  it('are left to others by four times as many, and no more', () => {
    const { slots, take } = slotsOf(2);
    for (let wave = 0; wave < 4; wave++) {
      take(2);
      expect(slots.moveToOverflow(0)).toBe(true);
    }
    take(2);
    expect(slots.moveToOverflow(0)).toBe(false);
    expect([slots.free, slots.overflow]).toEqual([0, 8]);
  });

  it('are taken up by what goes on after its timeout, half of them at most', () => {
    const { slots, executions } = slotsOf(4);
    executions.overdueDeliveries = 16;
    expect([slots.free, slots.usable]).toEqual([4, 4]);
    executions.overdueDeliveries = 17;
    expect([slots.free, slots.usable]).toEqual([3, 3]);
    executions.overdueDeliveries = 100;
    expect([slots.free, slots.usable]).toEqual([2, 2]);
  });

  it('are never all taken up where there is only one', () => {
    const { slots, executions } = slotsOf(1);
    executions.overdueDeliveries = 100;
    expect(slots.free).toBe(1);
  });
});
