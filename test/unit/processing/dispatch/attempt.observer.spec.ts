import { describe, expect, it } from '@jest/globals';
import { Instrumentation } from '../../../../src/instrumentation/instrumentation.js';
import { attemptChannel } from '../../../../src/instrumentation/occurrence.channels.js';
import type { AttemptMessage } from '../../../../src/instrumentation/occurrences.js';
import { TelemetryHooks } from '../../../../src/instrumentation/telemetry.hooks.js';
import { ObservedAttempt } from '../../../../src/processing/dispatch/attempt.observer.js';

function observed(): { run: ObservedAttempt; outcomes: unknown[]; unsubscribe: () => void } {
  const channel = attemptChannel();
  const outcomes: unknown[] = [];
  const hear = (message: unknown) => void outcomes.push((message as AttemptMessage).outcome);
  channel.asyncEnd.subscribe(hear);
  const message: AttemptMessage = {
    instance: 'us',
    deliveryId: 'd',
    handler: 'h',
    attempt: 1,
    isReplay: false,
    isTransactional: false,
    source: 'handoff',
    waited: undefined,
  };
  const delivery = { sessionId: 's', tenant: '', traceContext: null, replayTraceContext: null };
  const run = new ObservedAttempt(channel, new TelemetryHooks([], new Instrumentation()), message, delivery);
  return { run, outcomes, unsubscribe: () => channel.asyncEnd.unsubscribe(hear) };
}

describe('a run that somebody follows', () => {
  it('has one outcome, the first', () => {
    const { run, outcomes, unsubscribe } = observed();
    run.enter(() => 'done', {});
    run.end({ outcome: 'interrupted' });
    run.end({ outcome: 'completed' });
    unsubscribe();
    expect(outcomes).toEqual(['interrupted']);
  });

  it('has none if its handler was never called', () => {
    const { run, outcomes, unsubscribe } = observed();
    run.end({ outcome: 'interrupted' });
    unsubscribe();
    expect(outcomes).toEqual([]);
  });
});
