import { describe, expect, it } from '@jest/globals';
import { Interruption } from '../../../src/processing/interruption.js';

const first = new Error('first');
const second = new Error('second');

describe('an interruption', () => {
  it('has not come at first', () => {
    const interruption = new Interruption();

    expect(interruption).toMatchObject({ hasCome: false, reason: undefined });
    expect(interruption.signal.aborted).toBe(false);
  });

  it.each(['before', 'after'])('aborts the signal that was asked for %s it came', (when) => {
    const interruption = new Interruption();
    const early = when === 'before' ? interruption.signal : undefined;
    interruption.interrupt(first);

    expect(interruption).toMatchObject({ hasCome: true, reason: first });
    expect(interruption.signal).toMatchObject({ aborted: true, reason: first });
    expect(early ?? interruption.signal).toBe(interruption.signal);
  });

  it('comes once, with its first reason', () => {
    const interruption = new Interruption();
    const reasons: unknown[] = [];
    interruption.whenItComes((reason) => reasons.push(reason));
    interruption.interrupt(first);
    interruption.interrupt(second);
    interruption.whenItComes((reason) => reasons.push(reason));

    expect(reasons).toEqual([first, first]);
    expect(interruption.signal.reason).toBe(first);
  });
});
