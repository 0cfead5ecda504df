import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { ExtractedDataValidator } from '../../contract/extracted-data.validator.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { ClaimedDelivery } from '../../inbox/delivery.factory.js';
import { errorName } from '../../instrumentation/single-line.js';
import { RetryPolicy } from './retry.policy.js';
import { HandlerRunner, type RunResult } from './handler.runner.js';
import type { Cancellation } from '../../concurrency/cancellation.js';
import { redactError } from '../../instrumentation/error.redactor.js';
import { UnknownHandlers } from './unknown-handlers.js';
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
  private readonly logger = new Logger('Cr3dentialsWebhook');

  constructor(
    private readonly handlers: VerificationHandlersRegistry,
    private readonly runner: HandlerRunner,
    private readonly policy: RetryPolicy,
    private readonly clock: Clock,
    private readonly dataValidator: ExtractedDataValidator,
    private readonly unknown: UnknownHandlers,
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
      this.logger.error(
        `Delivery ${delivery.id} could not be dispatched, next try in ${UNREADABLE_RETRY_MS} ms: ${errorName(error)}`,
      );
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
    const results = await Promise.all(
      due.map(async (handler) => {
        const attempt = (before.get(handler.id)?.attempts ?? 0) + 1;
        const result = await this.runner.run({ handler, event, attempt, isReplay: delivery.replays > 0, cancellation });
        return { handler, attempt, result };
      }),
    );
    if (previousRuns.length === 0 && results.every(({ result }) => result.ended === 'completed'))
      return { outcome: 'completed' };
    if (cancellation.isRequested && results.every(({ result }) => result.ended === 'interrupted'))
      return { outcome: 'untouched' };
    const after = new Map(before);
    for (const { handler, attempt, result } of results)
      after.set(handler.id, this.toHandlerRun(event, handler, attempt, result));
    const runs = [...after.values()];
    return outcomeOf(runs, (run) => this.dueAt(run, handlers));
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
    this.unknown.report(handler, deliveryId);
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
    if (result.ended === 'completed') return { ...run, state: 'completed' };
    const lastError = redactError(result.error, event);
    const later = (delay: number, attempts: number): HandlerRun => {
      const nextAttemptAt = updatedAt + delay;
      this.logger.warn(
        `${this.label(handler, event, attempt)} ${result.ended}, next attempt in ${delay} ms: ${lastError}`,
      );
      return { ...run, state: 'pending', attempts, nextAttemptAt, lastError };
    };
    if (result.ended === 'interrupted') return later(this.policy.afterInterruption(), attempt - 1);
    const retry = this.policy.afterFailure(attempt, result.error);
    if (retry !== 'dead') return later(retry.delay, retry.usesAttempt ? attempt : attempt - 1);
    this.logger.error(
      `${this.label(handler, event, attempt)} failed for good; replay it with inbox.replay(): ${lastError}`,
    );
    return { ...run, state: 'dead', lastError };
  }

  private label(handler: VerificationHandler, { deliveryId }: VerificationEvent, attempt: number): string {
    const { retry } = this.settings;
    const most = typeof retry === 'function' ? '' : ` of ${retry.attempts}`;
    return `Handler "${handler.id}" of delivery ${deliveryId} (attempt ${attempt}${most})`;
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
