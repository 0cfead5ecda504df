import { beforeEach, describe, expect, it } from '@jest/globals';
import { Clock } from 'nestjs-cr3dentials-webhook';
import { ThroughputMeter } from '../../../../src/processing/worker/throughput.meter.js';

/** Stands still until it is told. */
class HandClock extends Clock {
  at = 1_000_000;

  now(): number {
    return this.at;
  }
}

describe('a count of the last second', () => {
  let clock: HandClock;
  let count: ThroughputMeter;

  beforeEach(() => {
    clock = new HandClock();
    count = new ThroughputMeter(clock);
  });

  function add(times: number): void {
    for (let n = 0; n < times; n++) count.add();
  }

  it('begins with nothing', () => {
    expect(count.value).toBe(0);
  });

  it('counts what happens within a second', () => {
    add(3);
    clock.at += 999;
    add(2);
    expect(count.value).toBe(5);
  });

  it('is that of the second before while the new one is young', () => {
    add(5);
    clock.at += 1_000;
    expect(count.value).toBe(5);
    add(2);
    expect(count.value).toBe(5);
  });

  it('is that of the new second once it is the busier one', () => {
    add(2);
    clock.at += 1_000;
    add(7);
    expect(count.value).toBe(7);
  });

  it('forgets what was two seconds ago', () => {
    add(5);
    clock.at += 1_000;
    add(2);
    clock.at += 1_000;
    expect(count.value).toBe(2);
    clock.at += 1_000;
    expect(count.value).toBe(0);
  });

  it('forgets all after a pause', () => {
    add(5);
    clock.at += 2_000;
    expect(count.value).toBe(0);
    add(1);
    expect(count.value).toBe(1);
  });

  it('has seconds that begin a second apart, whenever it is asked', () => {
    add(5);
    clock.at += 1_900;
    add(1);
    clock.at += 100; // of the third second
    expect(count.value).toBe(1);
    clock.at += 999;
    expect(count.value).toBe(1);
    clock.at += 1;
    expect(count.value).toBe(0);
  });

  it('counts on when the clock is set back', () => {
    add(3);
    clock.at -= 10_000;
    add(2);
    expect(count.value).toBe(5);
  });
});
