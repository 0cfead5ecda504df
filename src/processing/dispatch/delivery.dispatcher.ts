import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { ExtractedDataValidator } from '../../contract/extracted-data.validator.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { ClaimedDelivery } from '../../inbox/delivery.factory.js';
import type { RunOutcome } from '../../instrumentation/inbox.signals.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { errorName } from '../../instrumentation/single-line.js';
import { RetryPolicy } from './retry.policy.js';
import { HandlerRunner, type RunResult } from './handler.runner.js';
import type { Cancellation } from '../../concurrency/cancellation.js';
import { redactError } from '../../instrumentation/error.redactor.js';
import { verificationEvent, type VerificationEvent } from '../handlers/verification.event.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';

/** Delay before the next attempt at a delivery whose stored body cannot be read. */
const UNREADABLE_RETRY_MS = 60_000;
/** Delay before the next claim of a delivery that waits for a handler which this instance does not have. */
const UNKNOWN_HANDLER_DELAY_MS = 30_000;

/** Outcome of running the handlers of a delivery once. */
export type Outcome =
  /** Every handler has completed at its first attempt, so that no runs have to be saved. */
  | { outcome: 'completed' }
  /** No handler is subscribed to the status. */
  | { outcome: 'unhandled' }
  /** Every handler was interrupted by the cancellation, so that no runs have to be saved. */
  | { outcome: 'untouched' }
  /** The next state and the runs have to be saved in one transaction. */
  | { outcome: 'with-runs'; next: { nextAttemptAt: number } | 'completed' | 'dead'; runs: HandlerRun[] };

/** Runs the handlers of a delivery that are due and have not completed, all at the same time. */
@Injectable()
export class DeliveryDispatcher {
  constructor(
    private readonly handlers: VerificationHandlersRegistry,
    private readonly runner: HandlerRunner,
    private readonly policy: RetryPolicy,
    private readonly clock: Clock,
    private readonly dataValidator: ExtractedDataValidator,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {}

  /**
   * Resolves to the outcome, and never rejects. An error outside the handlers makes the delivery due again after a
   * minute.
   */
  async dispatch(
    delivery: ClaimedDelivery,
    previousRuns: readonly HandlerRun[],
    cancellation: Cancellation,
  ): Promise<Outcome> {
    try {
      return await this.runHandlers(delivery, previousRuns, cancellation);
    } catch (error) {
      const failure = { deliveryId: delivery.id, nextIn: UNREADABLE_RETRY_MS, error: errorName(error) };
      this.instrumentation.announce('dispatch-failed', failure);
      return { outcome: 'with-runs', next: { nextAttemptAt: this.clock.now() + UNREADABLE_RETRY_MS }, runs: [] };
    }
  }

  private async runHandlers(
    delivery: ClaimedDelivery,
    previousRuns: readonly HandlerRun[],
    cancellation: Cancellation,
  ): Promise<Outcome> {
    const handlers = this.handlers.for(delivery.status);
    if (handlers.length === 0 && previousRuns.length === 0) return { outcome: 'unhandled' };
    const event = verificationEvent(delivery, this.dataValidator);
    const before = new Map(previousRuns.map((run) => [run.handler, run]));
    const now = this.clock.now();
    const due = handlers.filter(({ id }) => isDue(before.get(id), now, delivery.onlyNamedHandlers === 1));
    const executions = await Promise.all(
      due.map(async (handler) => {
        const attempt = (before.get(handler.id)?.attempts ?? 0) + 1;
        const result = await this.runner.run({ handler, event, attempt, isReplay: delivery.replays > 0, cancellation });
        return { handler, attempt, result };
      }),
    );
    if (previousRuns.length === 0 && executions.every(({ result }) => result.ended === 'completed')) {
      for (const { handler, attempt } of executions) this.announce(event, handler, attempt, 'completed');
      return { outcome: 'completed' };
    }
    if (cancellation.isRequested && executions.every(({ result }) => result.ended === 'interrupted'))
      return this.interrupted(delivery, before, executions);
    const after = new Map(before);
    for (const { handler, attempt, result } of executions)
      after.set(handler.id, this.toHandlerRun(event, handler, attempt, result));
    return outcomeOf([...after.values()], (run) => this.dueAt(run, handlers));
  }

  /**
   * Returns an outcome whose runs are due at once, with no attempt used up. Another version of the app may be next,
   * without some of these handlers: their runs say that the delivery waits for them.
   */
  private interrupted(
    { id: deliveryId }: ClaimedDelivery,
    before: ReadonlyMap<string, HandlerRun>,
    executions: readonly { handler: VerificationHandler; attempt: number }[],
  ): Outcome {
    if (executions.length === 0) return { outcome: 'untouched' };
    const now = this.clock.now();
    const fresh = { deliveryId, state: 'pending', nextAttemptAt: null, lastError: null, updatedAt: now } as const;
    const runs = new Map(before);
    for (const { handler, attempt } of executions)
      runs.set(handler.id, { ...fresh, handler: handler.id, attempts: attempt - 1 });
    return { outcome: 'with-runs', next: { nextAttemptAt: now }, runs: [...runs.values()] };
  }

  /**
   * Returns the time when an unfinished run is due. A run of an unknown handler is postponed, so that another instance
   * can claim it.
   */
  private dueAt({ deliveryId, handler, nextAttemptAt }: HandlerRun, handlers: readonly VerificationHandler[]): number {
    const dueAt = nextAttemptAt ?? 0;
    if (handlers.some(({ id }) => id === handler)) return dueAt;
    const now = this.clock.now();
    if (dueAt > now) return dueAt;
    this.instrumentation.announce('handler-unknown', { handler, deliveryId });
    return now + UNKNOWN_HANDLER_DELAY_MS;
  }

  private toHandlerRun(
    event: VerificationEvent,
    handler: VerificationHandler,
    attempt: number,
    result: RunResult,
  ): HandlerRun {
    const updatedAt = this.clock.now();
    const run = {
      deliveryId: event.deliveryId,
      handler: handler.id,
      attempts: attempt,
      nextAttemptAt: null,
      lastError: null,
      updatedAt,
    };
    if (result.ended === 'completed') {
      this.announce(event, handler, attempt, 'completed');
      return { ...run, state: 'completed' };
    }
    const lastError = redactError(result.error, event);
    const later = (nextIn: number, attempts: number): HandlerRun => {
      this.announce(event, handler, attempt, result.ended, { nextIn, error: lastError });
      return { ...run, state: 'pending', attempts, nextAttemptAt: updatedAt + nextIn, lastError };
    };
    if (result.ended === 'interrupted') return later(this.policy.afterInterruption(), attempt - 1);
    const retry = this.policy.afterFailure(attempt, result.error);
    if (retry !== 'dead') return later(retry.delay, retry.usesAttempt ? attempt : attempt - 1);
    this.announce(event, handler, attempt, 'dead', { error: lastError });
    return { ...run, state: 'dead', lastError };
  }

  private announce(
    { deliveryId }: VerificationEvent,
    { id }: VerificationHandler,
    attempt: number,
    outcome: RunOutcome,
    more: { nextIn?: number; error?: string } = {},
  ): void {
    const { retry } = this.settings;
    const maxAttempts = typeof retry === 'function' ? undefined : retry.attempts;
    this.instrumentation.announce('run-ended', { deliveryId, handler: id, attempt, maxAttempts, outcome, ...more });
  }
}

function isDue(run: HandlerRun | undefined, now: number, isOnlyNamed: boolean): boolean {
  if (run === undefined) return !isOnlyNamed;
  return run.state === 'pending' && (run.nextAttemptAt ?? 0) <= now;
}

/** Returns the outcome of all runs of a delivery, including those of handlers that this instance does not have. */
function outcomeOf(runs: HandlerRun[], dueAt: (run: HandlerRun) => number): Outcome {
  const waiting = runs.filter(({ state }) => state === 'pending').map(dueAt);
  if (waiting.length > 0) return { outcome: 'with-runs', next: { nextAttemptAt: Math.min(...waiting) }, runs };
  return { outcome: 'with-runs', next: runs.some(({ state }) => state === 'dead') ? 'dead' : 'completed', runs };
}
