import { Inject, Injectable } from '@nestjs/common';
import { QueryFailedError, type EntityManager } from 'typeorm';
import { Clock } from '../../clock.js';
import { withTimeout } from '../../concurrency/with-timeout.js';
import { runOutsideRequest } from '../../concurrency/run-outside-request.js';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { ShutdownState } from '../shutdown.state.js';
import { PermanentError, RetryAfterError } from '../handlers/handler.errors.js';
import type { ExecuteSql } from '../../database/dialect/dialect.js';
import {
  DatabaseFailedError,
  formatDatabaseError,
  isTransient,
  isUnavailable,
} from '../../database/database.errors.js';
import { HandlerRunRepository, type LockedRun } from '../../inbox/handler-run.repository.js';
import { DatabaseConnection } from '../../database/database.connection.js';
import { pendingResultOf } from '../handlers/handler.result.js';
import { Cancellation } from '../../concurrency/cancellation.js';
import type { VerificationEvent } from '../handlers/verification.event.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { LimitedHandlers, type WaitingRun } from './limited.handlers.js';
import { HeldBack, NotConnected, HandlerTransactionQueue } from './handler-transaction.queue.js';
import { TelemetryHooks } from '../../instrumentation/telemetry.hooks.js';
import { legibleError } from './legible.error.js';
import { LiveExecutions, type LiveExecution } from './live.executions.js';
import { RunContext } from './run.context.js';
import type { ObservedAttempt } from './attempt.observer.js';

const ENDED_EARLY =
  'The transaction of this handler has ended before the handler: by a statement of its own that commits or rolls back, or by the database, which has rolled it back after an error that the handler has caught. Rethrow every error, and let the module commit or roll back.';
const SWALLOWED =
  'A statement failed in the transaction of this handler, which cannot commit after that. Rethrow the error, or nest the statement in manager.transaction().';

/**
 * Result of one attempt of one handler. `held-back`: it has not begun, because of earlier executions or of the limits
 * of its handler; `retryIn` is in milliseconds. An interruption is not the fault of the handler. `isLocked`: another
 * worker has the run, so that nothing can be written about it. `hasNotBegun`: there was no connection for it.
 */
export type AttemptResult =
  | { ended: 'completed' }
  | { ended: 'held-back'; retryIn: number }
  | { ended: 'failed' | 'interrupted'; error: unknown; isLocked?: boolean; hasNotBegun?: boolean };

/** Tells whether nothing is to be written about a run once its delivery is cancelled. */
export function hasNoResult({ ended }: AttemptResult): boolean {
  return ended === 'interrupted' || ended === 'held-back';
}

export interface HandlerExecution extends WaitingRun {
  readonly deliveryId: string;
  readonly event: VerificationEvent;
  readonly attempt: number;
  /** Number of replays of the delivery when it was claimed. */
  readonly replays: number;
  /** Claim of the run, if it came from a queue. */
  readonly claimId?: string | undefined;
  /** Undefined while nobody follows runs. */
  readonly observed: ObservedAttempt | undefined;
}

@Injectable()
export class HandlerRunner {
  private readonly timeout: number;

  constructor(
    private readonly connection: DatabaseConnection,
    private readonly runs: HandlerRunRepository,
    private readonly clock: Clock,
    private readonly shutdown: ShutdownState,
    private readonly executions: LiveExecutions,
    private readonly limited: LimitedHandlers,
    private readonly transactions: HandlerTransactionQueue,
    private readonly telemetry: TelemetryHooks,
    @Inject(PROCESSING_SETTINGS) { handlerTimeout }: ProcessingSettings,
  ) {
    this.timeout = handlerTimeout;
  }

  async run(execution: HandlerExecution): Promise<AttemptResult> {
    const { deliveryId, handler } = execution;
    const limit = handler.transactional ? this.connection.maxHandlerTransactions : undefined;
    const live = this.executions.begin(deliveryId, handler.id, limit, this.timeoutOf(handler));
    if (typeof live === 'number') return { ended: 'held-back', retryIn: live };
    try {
      return await (handler.settings ? this.whenPermitted(execution, live) : this.attempt(execution, live));
    } finally {
      live.settle();
    }
  }

  private async whenPermitted(execution: HandlerExecution, live: LiveExecution): Promise<AttemptResult> {
    const result = await this.limited.run(execution, () => this.attempt(execution, live));
    return typeof result === 'number' ? { ended: 'held-back', retryIn: result } : result;
  }

  private timeoutOf({ settings }: VerificationHandler): number {
    return settings?.timeout ?? this.timeout;
  }

  private async attempt(execution: HandlerExecution, live: LiveExecution): Promise<AttemptResult> {
    try {
      // Subscribers of the host hear of its transaction: what they leave in its async context ends with it.
      await (execution.handler.transactional
        ? this.telemetry.inBackground(() => this.inTransaction(execution, live))
        : this.call(execution, live));
      return { ended: 'completed' };
    } catch (thrown) {
      const error = legibleError(thrown);
      if (error instanceof HeldBack) return { ended: 'held-back', retryIn: error.retryIn };
      if (execution.cancellation.isRequested) return { ended: 'interrupted', error: execution.cancellation.reason };
      if (this.shutdown.hasBegun && !isDeliberate(error)) return { ended: 'interrupted', error };
      if (error instanceof RunLocked) return { ended: 'interrupted', error, isLocked: true };
      if (error instanceof NotConnected) return { ended: 'interrupted', error: error.cause, hasNotBegun: true };
      return { ended: (await this.isInterruption(error)) ? 'interrupted' : 'failed', error };
    }
  }

  /**
   * Resolves to true when the inbox's database failed, not the handler. An error that only looks like an outage proves
   * nothing: it may be of any database or service that the handler calls.
   */
  private async isInterruption(error: unknown): Promise<boolean> {
    if (error instanceof NotBegun || error instanceof Outdated || error instanceof DatabaseFailedError) return true;
    return isUnavailable(this.connection.dialect, error) && !(await this.connection.isWritable());
  }

  /**
   * Locks the row of the run before it calls the handler: another worker with the same run meets it, and comes again
   * later. The row says that the run is completed only when the handler has ended, so that a handler that commits by
   * itself completes nothing.
   */
  private inTransaction(execution: HandlerExecution, live: LiveExecution): Promise<void> {
    return this.transactions.run(execution, async (execute, transaction) => {
      const run = await this.lock(execution, execute);
      if (run === 'completed') return;
      await this.call(execution, live, transaction.manager);
      // A statement that the handler has not awaited comes first: it counts against the handler's time.
      const completed = transaction.settled().then(() => this.complete(run, execute));
      await withTimeout(completed, this.timeoutOf(execution.handler));
    });
  }

  private async lock(
    { handler, deliveryId, replays, claimId }: HandlerExecution,
    execute: ExecuteSql,
  ): Promise<LockedRun | 'completed'> {
    const claimed = { deliveryId, handler: handler.id, replays, claimId };
    const run = await this.runs.lock(execute, claimed, this.clock.now()).catch((error: unknown) => {
      throw new NotBegun(`The run could not begin: ${formatDatabaseError(error)}`, { cause: error });
    });
    if (run === 'locked')
      throw new RunLocked('The row of this run is still locked by the transaction of another worker.');
    return run;
  }

  private async complete(run: LockedRun, execute: ExecuteSql): Promise<void> {
    const { dialect } = this.connection;
    const result = await this.runs.complete(execute, run, this.clock.now()).catch((error: unknown) => {
      if (isUnavailable(dialect, error)) throw new DatabaseFailedError(error);
      if (!(error instanceof QueryFailedError) || isTransient(dialect, error)) throw error;
      throw new Cr3dentialsWebhookError('NOT_TRANSACTIONAL', SWALLOWED);
    });
    if (result === 'outdated') throw new Outdated();
    if (result === 'ended') throw new Cr3dentialsWebhookError('NOT_TRANSACTIONAL', ENDED_EARLY);
  }

  /**
   * Resolves when all has ended that the handler has begun, or rejects at its cancellation. A handler that ignores its
   * signal does not delay the delivery.
   */
  private async call(execution: HandlerExecution, live: LiveExecution, manager?: EntityManager): Promise<void> {
    // Its transaction may have taken until now to begin. The host has closed what its handlers need.
    if (this.shutdown.hasBegun) throw new Error('The app is shutting down.');
    const cancellation = new Cancellation();
    const cancel = (reason: unknown): void => cancellation.cancel(reason);
    execution.cancellation.onCancel(cancel);
    try {
      if (cancellation.isRequested) throw cancellation.reason;
      const completion = this.begin(execution, live, cancellation, manager);
      if (completion) await this.untilEnded(completion, execution.handler, live, cancellation);
    } finally {
      execution.cancellation.offCancel(cancel); // the delivery is held until its outcome is durable, its event is not
    }
  }

  /** Calls the handler. Returns undefined if it has ended, so that it needs no timer. */
  private begin(
    { deliveryId, handler, event, attempt, replays, observed }: HandlerExecution,
    live: LiveExecution,
    cancellation: Cancellation,
    manager: EntityManager | undefined,
  ): Promise<void> | undefined {
    const retryIn = live.enter();
    if (retryIn !== undefined) throw new HeldBack(retryIn);
    const context = new RunContext(deliveryId, attempt, replays > 0, cancellation, handler, manager);
    const handle = () => pendingResultOf(handler.handle(event, context), cancellation);
    return runOutsideRequest(() => (observed ? observed.enter(handle, event) : handle()));
  }

  private async untilEnded(
    completion: Promise<void>,
    handler: VerificationHandler,
    live: LiveExecution,
    cancellation: Cancellation,
  ): Promise<void> {
    live.follow(completion);
    const timeout = this.timeoutOf(handler);
    const onTimeout = () => {
      live.timedOut();
      cancellation.cancel(new Error(`Timed out after ${timeout} ms.`));
    };
    const timer = setTimeout(onTimeout, timeout);
    try {
      await Promise.race([new Promise((_, reject) => cancellation.onCancel(reject)), completion]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Tells whether the handler itself has decided what happens next. */
function isDeliberate(error: unknown): boolean {
  return error instanceof PermanentError || error instanceof RetryAfterError;
}

/** Thrown when the run could not be written, before the handler was called. */
class NotBegun extends Error {}

/** Thrown when another worker has the run. */
class RunLocked extends Error {}

/** Thrown when the delivery is no longer what this worker has claimed. */
class Outdated extends Error {
  constructor() {
    super('The delivery was replayed, or its content was replaced, since this worker has claimed it.');
  }
}
