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
import type { HandlerContext } from '../handlers/handler.context.js';
import { completionOf } from '../handlers/handler.result.js';
import { Cancellation } from '../../concurrency/cancellation.js';
import type { VerificationEvent } from '../handlers/verification.event.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { LiveExecutions, type LiveExecution } from './live.executions.js';

const ENDED_EARLY =
  'The transaction of this handler has ended before the handler: by a statement of its own that commits or rolls back, or by the database, which has rolled it back after an error that the handler has caught. Let every error pass, and leave the end of the transaction to the module.';
const SWALLOWED =
  'A statement failed in the transaction of this handler, which cannot commit after that. Let the error pass, or contain it with manager.transaction().';

/**
 * Result of one attempt of one handler. `held-back`: it has not begun, because of earlier executions; `retryIn` is in
 * milliseconds. An interruption is not the fault of the handler. `isLocked`: another worker has the run, so that nothing
 * can be written about it.
 */
export type RunResult =
  | { ended: 'completed' }
  | { ended: 'held-back'; retryIn: number }
  | { ended: 'failed' | 'interrupted'; error: unknown; isLocked?: boolean };

export interface HandlerExecution {
  readonly deliveryId: string;
  readonly handler: VerificationHandler;
  readonly event: VerificationEvent;
  readonly attempt: number;
  readonly isReplay: boolean;
  /** Requested when this worker loses the lease of the delivery, or stops. */
  readonly cancellation: Cancellation;
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
    @Inject(PROCESSING_SETTINGS) { handlerTimeout }: ProcessingSettings,
  ) {
    this.timeout = handlerTimeout;
  }

  async run(execution: HandlerExecution): Promise<RunResult> {
    const { deliveryId, handler } = execution;
    const limit = handler.transactional ? this.connection.maxHandlerTransactions : undefined;
    const live = this.executions.begin(deliveryId, handler.id, limit);
    if (typeof live === 'number') return { ended: 'held-back', retryIn: live };
    try {
      return await this.attempt(execution, live);
    } finally {
      live.settle();
    }
  }

  private async attempt(execution: HandlerExecution, live: LiveExecution): Promise<RunResult> {
    try {
      // Subscribers of the host hear of its transaction: what they leave in its async context ends with it.
      await (execution.handler.transactional
        ? runOutsideRequest(() => this.inTransaction(execution, live))
        : this.call(execution, live));
      return { ended: 'completed' };
    } catch (error) {
      if (error instanceof HeldBack) return { ended: 'held-back', retryIn: error.retryIn };
      if (execution.cancellation.isRequested) return { ended: 'interrupted', error: execution.cancellation.reason };
      if (this.shutdown.hasBegun && !isDeliberate(error)) return { ended: 'interrupted', error };
      if (error instanceof RunLocked) return { ended: 'interrupted', error, isLocked: true };
      return { ended: (await this.isInterruption(error)) ? 'interrupted' : 'failed', error };
    }
  }

  /**
   * Resolves to true when the inbox's database failed, not the handler. An error that only looks like an outage proves
   * nothing: it may be of any database or service that the handler calls.
   */
  private async isInterruption(error: unknown): Promise<boolean> {
    if (error instanceof NotBegun || error instanceof DatabaseFailedError) return true;
    return isUnavailable(this.connection.dialect, error) && !(await this.connection.isWritable());
  }

  /**
   * Locks the row of the run before it calls the handler: another worker with the same run meets it, and comes again
   * later. The row says that the run is completed only when the handler has ended, so that a handler that commits by
   * itself completes nothing.
   */
  private inTransaction(execution: HandlerExecution, live: LiveExecution): Promise<void> {
    return this.connection.handlerTransaction(async (execute, own) => {
      const run = await this.lock(execution, execute);
      if (run === 'completed') return;
      await this.call(execution, live, own.manager);
      // A statement that the handler has not awaited comes first: it counts against the handler's time.
      const completed = own.settled().then(() => this.complete(run, execute));
      await withTimeout(completed, this.timeout);
    });
  }

  private async lock({ handler, deliveryId }: HandlerExecution, execute: ExecuteSql): Promise<LockedRun | 'completed'> {
    const key = { deliveryId, handler: handler.id };
    const run = await this.runs.lock(execute, key, this.clock.now()).catch((error: unknown) => {
      throw new NotBegun(`The run could not begin: ${formatDatabaseError(error)}`, { cause: error });
    });
    if (run === 'locked') throw new RunLocked('The transaction of another worker still has this run.');
    return run;
  }

  private async complete(run: LockedRun, execute: ExecuteSql): Promise<void> {
    const { dialect } = this.connection;
    const isWhole = await this.runs.complete(execute, run, this.clock.now()).catch((error: unknown) => {
      if (isUnavailable(dialect, error)) throw new DatabaseFailedError(error);
      if (!(error instanceof QueryFailedError) || isTransient(dialect, error)) throw error;
      throw new Cr3dentialsWebhookError('NOT_TRANSACTIONAL', SWALLOWED);
    });
    if (!isWhole) throw new Cr3dentialsWebhookError('NOT_TRANSACTIONAL', ENDED_EARLY);
  }

  /**
   * Resolves when all has ended that the handler has begun, or rejects at its cancellation. A handler that ignores its
   * signal does not delay the delivery.
   */
  private async call(
    { deliveryId, handler, event, attempt, isReplay, cancellation }: HandlerExecution,
    live: LiveExecution,
    manager?: EntityManager,
  ): Promise<void> {
    // Its transaction may have taken until now to begin. The host has closed what its handlers need.
    if (this.shutdown.hasBegun) throw new Error('The application is shutting down.');
    const own = new Cancellation();
    cancellation.onCancel((reason) => own.cancel(reason));
    if (own.isRequested) throw own.reason;
    const retryIn = live.enter();
    if (retryIn !== undefined) throw new HeldBack(retryIn);
    const context = new RunContext(deliveryId, attempt, isReplay, own, handler, manager);
    const completion = runOutsideRequest(() => completionOf(handler.handle(event, context), own));
    if (!completion) return; // the handler has ended, so it needs no timer
    live.follow(completion);
    const onTimeout = () => {
      live.timedOut();
      own.cancel(new Error(`Timed out after ${this.timeout} ms.`));
    };
    const timer = setTimeout(onTimeout, this.timeout);
    try {
      await Promise.race([new Promise((_, reject) => own.onCancel(reject)), completion]);
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

/** Thrown when the handler may not be called now, so that its transaction is rolled back. */
class HeldBack extends Error {
  constructor(readonly retryIn: number) {
    super('The handler has no room.');
  }
}

/** Thrown when another worker has the run. */
class RunLocked extends Error {}

class RunContext implements HandlerContext {
  readonly #cancellation: Cancellation;
  readonly #handler: VerificationHandler;
  readonly #manager: EntityManager | undefined;

  constructor(
    readonly deliveryId: string,
    readonly attempt: number,
    readonly isReplay: boolean,
    cancellation: Cancellation,
    handler: VerificationHandler,
    manager?: EntityManager,
  ) {
    this.#cancellation = cancellation;
    this.#handler = handler;
    this.#manager = manager;
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  get manager(): EntityManager {
    if (this.#manager) return this.#manager;
    throw new Cr3dentialsWebhookError(
      'NOT_TRANSACTIONAL',
      `The handler "${this.#handler.id}" has no transaction. Subscribe it with @OnVerification(…, { transactional: true }).`,
    );
  }
}
