import { describe, expect, it } from '@jest/globals';
import { Cancellation } from '../../../src/concurrency/cancellation.js';

const first = new Error('first');
const second = new Error('second');

describe('a cancellation', () => {
  it('is not requested at first', () => {
    const cancellation = new Cancellation();

    expect(cancellation).toMatchObject({ isRequested: false, reason: undefined });
    expect(cancellation.signal.aborted).toBe(false);
  });

  it.each(['before', 'after'])('aborts the signal that was asked for %s it came', (when) => {
    const cancellation = new Cancellation();
    const early = when === 'before' ? cancellation.signal : undefined;
    cancellation.cancel(first);

    expect(cancellation).toMatchObject({ isRequested: true, reason: first });
    expect(cancellation.signal).toMatchObject({ aborted: true, reason: first });
    expect(early ?? cancellation.signal).toBe(cancellation.signal);
  });

  it('is requested once, with its first reason', () => {
    const cancellation = new Cancellation();
    const reasons: unknown[] = [];
    cancellation.onCancel((reason) => reasons.push(reason));
    cancellation.cancel(first);
    cancellation.cancel(second);
    cancellation.onCancel((reason) => reasons.push(reason));

    expect(reasons).toEqual([first, first]);
    expect(cancellation.signal.reason).toBe(first);
  });

  it('forgets a listener that is taken back, and no other', () => {
    const cancellation = new Cancellation();
    const heard: string[] = [];
    const takenBack = (): void => void heard.push('taken back');
    cancellation.onCancel(() => heard.push('one'));
    cancellation.onCancel(takenBack);
    cancellation.onCancel(() => heard.push('other'));
    cancellation.offCancel(takenBack);
    cancellation.offCancel(() => {});
    cancellation.cancel(first);

    expect(heard).toEqual(['one', 'other']);
  });
});
