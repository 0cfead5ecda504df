import { Inject, Injectable } from '@nestjs/common';
import { QueryFailedError, QueryRunnerAlreadyReleasedError, type EntityManager } from 'typeorm';
import { Clock } from '../../clock.js';
import { withTimeout } from '../../concurrency/with-timeout.js';
import { runOutsideRequest } from '../../concurrency/run-outside-request.js';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import type { ExecuteSql } from '../../database/dialect/dialect.js';
import { isTransient, isUnavailable } from '../../database/database.errors.js';
import { HandlerRunRepository } from '../../inbox/handler-run.repository.js';
import { DatabaseConnection } from '../../database/database.connection.js';
import type { HandlerContext } from '../handlers/handler.context.js';
import { Cancellation } from '../../concurrency/cancellation.js';
import type { VerificationEvent } from '../handlers/verification.event.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';

const SWALLOWED =
  'A statement failed in the transaction of this handler, which cannot commit after that. Let the error pass, or contain it with manager.transaction().';

/** Result of one attempt of one handler. An interruption is not the fault of the handler. */
export type RunResult = { ended: 'completed' } | { ended: 'failed' | 'interrupted'; error: unknown };

export interface HandlerExecution {
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
    @Inject(PROCESSING_SETTINGS) { handlerTimeout }: ProcessingSettings,
  ) {
    this.timeout = handlerTimeout;
  }

  async run(execution: HandlerExecution): Promise<RunResult> {
    try {
      await (execution.handler.transactional ? this.inTransaction(execution) : this.call(execution));
      return { ended: 'completed' };
    } catch (error) {
      if (execution.cancellation.isRequested) return { ended: 'interrupted', error: execution.cancellation.reason };
      return { ended: (await this.isInterruption(error, execution)) ? 'interrupted' : 'failed', error };
    }
  }

  /**
   * Resolves to true when the database failed, not the handler. A refused connection alone proves nothing: it may be to
   * any service that the handler calls.
   */
  private async isInterruption(error: unknown, { handler }: HandlerExecution): Promise<boolean> {
    if (error instanceof NotBegun) return true;
    // TypeORM throws this when it has lost a connection to PostgreSQL. Our transaction has no other cause for it.
    if (handler.transactional && error instanceof QueryRunnerAlreadyReleasedError) return true;
    if (!isUnavailable(this.connection.dialect, error)) return false;
    return error instanceof QueryFailedError || !(await this.connection.isReachable());
  }

  /**
   * Writes the completed run before it calls the handler. Another worker with the same run waits for that row, and then
   * skips the handler.
   */
  private inTransaction(execution: HandlerExecution): Promise<void> {
    const { handler, event } = execution;
    return this.connection.handlerTransaction(async (execute, manager) => {
      const isFirst = await this.runs
        .complete(execute, event.deliveryId, handler.id, this.clock.now())
        .catch((error: unknown) => {
          throw new NotBegun('The run could not begin.', { cause: error });
        });
      if (!isFirst) return;
      await this.call(execution, manager);
      // A statement that the handler has not awaited comes first: it counts against the handler's time.
      const canCommit = withTimeout(this.canCommit(execution, execute), this.timeout);
      if (!(await canCommit)) throw new Cr3dentialsWebhookError('NOT_TRANSACTIONAL', SWALLOWED);
    });
  }

  private async canCommit({ handler, event }: HandlerExecution, execute: ExecuteSql): Promise<boolean> {
    try {
      return await this.runs.isCompleted(execute, event.deliveryId, handler.id);
    } catch (error) {
      const { dialect } = this.connection;
      const isAborted = !isUnavailable(dialect, error) && !isTransient(dialect, error);
      if (error instanceof QueryFailedError && isAborted) return false;
      throw error;
    }
  }

  /**
   * Resolves when the handler does, or rejects at its cancellation. A handler that ignores its signal does not delay
   * the delivery.
   */
  private async call(
    { handler, event, attempt, isReplay, cancellation }: HandlerExecution,
    manager?: EntityManager,
  ): Promise<void> {
    const own = new Cancellation();
    cancellation.onCancel((reason) => own.cancel(reason));
    if (own.isRequested) throw own.reason;
    const context = new RunContext(event.deliveryId, attempt, isReplay, own, handler, manager);
    const result = runOutsideRequest(() => handler.handle(event, context));
    if (result === undefined) return; // the handler has ended, so it needs no timer
    const onTimeout = () => own.cancel(new Error(`It took longer than ${this.timeout} ms.`));
    const timer = setTimeout(onTimeout, this.timeout);
    try {
      await Promise.race([new Promise((_, reject) => own.onCancel(reject)), result]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Thrown when the run could not be written, before the handler was called. */
class NotBegun extends Error {}

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
