import { describe, expect, it } from '@jest/globals';
import { InterruptionCounter } from '../../../../src/processing/dispatch/interruption.counter.js';

describe('the interruptions of a run', () => {
  it('use up no attempt five times in a row', () => {
    const counter = new InterruptionCounter();
    const counts = Array.from({ length: 7 }, () => counter.add('d', 'h'));
    expect(counts).toEqual([1, 2, 3, 4, 5, undefined, undefined]);
    expect(counter.add('d', 'another')).toBe(1);
    expect(counter.add('another', 'h')).toBe(1);
  });

  it('are counted anew once it has ended', () => {
    const counter = new InterruptionCounter();
    for (let n = 0; n < 5; n++) counter.add('d', 'h');
    counter.forget('d', 'h');
    expect(counter.add('d', 'h')).toBe(1);
  });

  it('are forgotten for the oldest of very many runs', () => {
    const counter = new InterruptionCounter();
    counter.add('first', 'h');
    for (let n = 0; n < 10_000; n++) counter.add(`d-${n}`, 'h');
    expect(counter.add('first', 'h')).toBe(1);
    expect(counter.add('d-9999', 'h')).toBe(2);
  });
});
