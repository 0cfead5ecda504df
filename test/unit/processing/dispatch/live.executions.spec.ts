import { describe, expect, it } from '@jest/globals';
import { Instrumentation } from '../../../../src/instrumentation/instrumentation.js';
import { LiveExecution, LiveExecutions } from '../../../../src/processing/dispatch/live.executions.js';
import { Gate } from '../../../support/app/fresh-host.js';

const MINUTE = 60_000;

function executionsOf(concurrency: number) {
  const clock = { time: 1_000_000, now: () => clock.time };
  const instrumentation = new Instrumentation();
  const heldBack: string[] = [];
  instrumentation.subscribe('run-held-back', ({ handler }) => heldBack.push(handler));
  return {
    clock,
    heldBack,
    executions: new LiveExecutions(clock, instrumentation, { concurrency, handlerTimeout: 30_000 }),
  };
}

/** Begins a run and calls its handler. Returns the delay if it may not begin. */
function enter(executions: LiveExecutions, deliveryId: string, handler: string): LiveExecution | number {
  const execution = executions.begin(deliveryId, handler);
  return typeof execution === 'number' ? execution : (execution.enter() ?? execution);
}

/** Returns those of these runs that begin. */
function begun(executions: LiveExecutions, handler: string, count: number, from = 0): LiveExecution[] {
  const all = Array.from({ length: count }, (_, n) => enter(executions, `delivery-${from + n}`, handler));
  return all.filter((one) => typeof one !== 'number');
}

/** Ends the run, while the handler goes on. Returns what ends the handler. */
function goOn(execution: LiveExecution): () => Promise<void> {
  const gate = new Gate();
  const going = gate.pass();
  execution.follow(going);
  execution.settle();
  return async () => {
    gate.open();
    await going;
  };
}

describe('a run', () => {
  it('begins once at a time for one handler and delivery', () => {
    const { executions, heldBack } = executionsOf(20);
    const first = enter(executions, 'a', 'h');
    expect(enter(executions, 'a', 'h')).toBe(1_000);
    expect(enter(executions, 'b', 'h')).toBeInstanceOf(LiveExecution);
    expect(enter(executions, 'a', 'another')).toBeInstanceOf(LiveExecution);
    expect(heldBack).toEqual(['h']);
    (first as LiveExecution).settle();
    expect(enter(executions, 'a', 'h')).toBeInstanceOf(LiveExecution);
  });

  it('begins again when its handler has ended, not when the run before has', async () => {
    const { executions, clock } = executionsOf(20);
    let ended = 0;
    executions.onEnd(() => ended++);
    const end = goOn(enter(executions, 'a', 'h') as LiveExecution);
    expect(executions.overdueDeliveries).toBe(1);
    const delays = [0, 4_000, 36_000, 3_600_000].map((later) => {
      clock.time += later;
      return enter(executions, 'a', 'h');
    });
    expect(delays).toEqual([1_000, 2_000, 20_000, 60_000]);
    await end();
    expect([executions.overdueDeliveries, ended]).toEqual([0, 1]);
    expect(enter(executions, 'a', 'h')).toBeInstanceOf(LiveExecution);
  });
});

describe('a handler', () => {
  it('has as many runs as there are, while it ends in time', () => {
    expect(begun(executionsOf(4).executions, 'h', 100)).toHaveLength(100);
  });

  it('has half of "concurrency" once as many have timed out within five minutes', () => {
    const { executions, clock } = executionsOf(4);
    const timeOut = () => {
      const execution = enter(executions, 'x', 'h') as LiveExecution;
      execution.timedOut();
      execution.settle();
    };
    timeOut();
    expect(begun(executions, 'h', 10)).toHaveLength(10);
    timeOut();
    expect(enter(executions, 'y', 'h')).toBe(30_000);
    expect(begun(executions, 'another', 10)).toHaveLength(10);
    clock.time += 5 * MINUTE;
    expect(begun(executions, 'h', 10, 10)).toHaveLength(10);
  });

  it('has half of the connections of its transactions, if these are fewer', () => {
    const { executions } = executionsOf(20);
    const next = (n: number) => executions.begin(`delivery-${n}`, 'h', 6) as LiveExecution;
    for (const n of [1, 2, 3]) {
      const execution = next(n);
      execution.enter();
      execution.timedOut();
      execution.settle();
    }
    const delays = [4, 5, 6].map((n) => next(n).enter());
    expect(delays).toEqual([undefined, undefined, undefined]);
    expect(next(7)).toBe(30_000);
  });

  it('leaves its room to others while its runs have not called it, such as those that find their row locked', () => {
    const { executions, heldBack } = executionsOf(2);
    for (const execution of begun(executions, 'h', 1)) {
      execution.timedOut();
      execution.settle();
    }
    const waiting = executions.begin('a', 'h') as LiveExecution;
    const entered = executions.begin('b', 'h') as LiveExecution;
    expect(entered.enter()).toBeUndefined();
    expect(waiting.enter()).toBe(30_000);
    waiting.settle();
    expect(enter(executions, 'c', 'h')).toBe(30_000);
    entered.settle();
    expect(enter(executions, 'c', 'h')).toBeInstanceOf(LiveExecution);
    expect(heldBack).toEqual(['h', 'h']);
  });

  it('is not called any more while twice "concurrency" go on after they were aborted', async () => {
    const { executions } = executionsOf(2);
    const ends = begun(executions, 'h', 4).map(goOn);
    expect(begun(executions, 'h', 1, 4)).toHaveLength(0);
    expect(begun(executions, 'another', 1, 4)).toHaveLength(1);
    await ends[0]?.();
    expect(begun(executions, 'h', 1, 4)).toHaveLength(1);
  });
});
