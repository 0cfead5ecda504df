import { Inject, Injectable } from '@nestjs/common';
import { QueryFailedError, QueryRunnerAlreadyReleasedError, type EntityManager } from 'typeorm';
import { Clock } from '../clock.js';
import { runOutsideRequest } from '../concurrency/run-outside-request.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { SETTINGS } from '../cr3dentials-webhook.tokens.js';
import type { Settings } from '../cr3dentials-webhook.options.js';
import type { RunSql } from '../inbox/dialect/dialect.js';
import { isOutage } from '../inbox/failures.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import { InboxConnection } from '../inbox/inbox.connection.js';
import type { HandlerContext } from './handler-context.js';
import { Interruption } from './interruption.js';
import type { VerificationEvent } from './verification.event.js';
import type { VerificationHandler } from './verification-handler.js';

const SWALLOWED =
  'A statement failed in the transaction of this handler, which cannot commit after that. Let the error pass, or contain it with manager.transaction().';

/** How one execution of one handler ended. */
export type RunResult = { ended: 'completed' } | { ended: 'failed' | 'interrupted'; error: unknown };

export interface Run {
  readonly handler: VerificationHandler;
  readonly event: VerificationEvent;
  readonly attempt: number;
  readonly isReplay: boolean;
  /** Comes when the delivery is no longer this worker's, or the worker stops. */
  readonly interruption: Interruption;
}

@Injectable()
export class HandlerRunner {
  private readonly timeout: number;

  constructor(
    private readonly connection: InboxConnection,
    private readonly runs: HandlerRunRepository,
    private readonly clock: Clock,
    @Inject(SETTINGS) { processing }: Settings,
  ) {
    this.timeout = processing.handlerTimeout;
  }

  async run(run: Run): Promise<RunResult> {
    try {
      await (run.handler.transactional ? this.inTransaction(run) : this.call(run));
      return { ended: 'completed' };
    } catch (error) {
      if (run.interruption.hasCome) return { ended: 'interrupted', error: run.interruption.reason };
      return { ended: (await this.isInterruption(error, run)) ? 'interrupted' : 'failed', error };
    }
  }

  /** Whether the database failed rather than the handler. A refused connection may be to anything a handler talks to. */
  private async isInterruption(error: unknown, { handler }: Run): Promise<boolean> {
    if (error instanceof NotBegun) return true;
    // All that TypeORM says of a connection to PostgreSQL that was lost; of a transaction of ours it can mean nothing else.
    if (handler.transactional && error instanceof QueryRunnerAlreadyReleasedError) return true;
    if (!isOutage(this.connection.dialect, error)) return false;
    return error instanceof QueryFailedError || !(await this.connection.answers());
  }

  /** The row that says "completed" is written first: another worker with the same run waits there, and then leaves. */
  private inTransaction(run: Run): Promise<void> {
    const { handler, event } = run;
    return this.connection.handlerTransaction(async (sql, manager) => {
      const isFirst = await this.runs
        .complete(sql, event.deliveryId, handler.id, this.clock.now())
        .catch((error: unknown) => {
          throw new NotBegun('The run could not begin.', { cause: error });
        });
      if (!isFirst) return;
      await this.call(run, manager);
      if (!(await this.canCommit(run, sql))) throw new Cr3dentialsWebhookError('NOT_TRANSACTIONAL', SWALLOWED);
    });
  }

  private async canCommit({ handler, event }: Run, sql: RunSql): Promise<boolean> {
    try {
      return await this.runs.isCompleted(sql, event.deliveryId, handler.id);
    } catch (error) {
      if (error instanceof QueryFailedError && !isOutage(this.connection.dialect, error)) return false;
      throw error;
    }
  }

  /** Ends with the handler or with its interruption: a handler that ignores its signal does not hold its delivery. */
  private async call({ handler, event, attempt, isReplay, interruption }: Run, manager?: EntityManager): Promise<void> {
    const own = new Interruption();
    interruption.whenItComes((reason) => own.interrupt(reason));
    if (own.hasCome) throw own.reason;
    const context = new RunContext(event.deliveryId, attempt, isReplay, own, handler, manager);
    const result = runOutsideRequest(() => handler.handle(event, context));
    if (result === undefined) return; // nothing to wait for
    const late = () => own.interrupt(new Error(`It took longer than ${this.timeout} ms.`));
    const timer = setTimeout(late, this.timeout);
    try {
      await Promise.race([new Promise((_, reject) => own.whenItComes(reject)), result]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What went wrong was not in the handler. */
class NotBegun extends Error {}

class RunContext implements HandlerContext {
  readonly #interruption: Interruption;
  readonly #handler: VerificationHandler;
  readonly #manager: EntityManager | undefined;

  constructor(
    readonly deliveryId: string,
    readonly attempt: number,
    readonly isReplay: boolean,
    interruption: Interruption,
    handler: VerificationHandler,
    manager?: EntityManager,
  ) {
    this.#interruption = interruption;
    this.#handler = handler;
    this.#manager = manager;
  }

  get signal(): AbortSignal {
    return this.#interruption.signal;
  }

  get manager(): EntityManager {
    if (this.#manager) return this.#manager;
    throw new Cr3dentialsWebhookError(
      'NOT_TRANSACTIONAL',
      `The handler "${this.#handler.id}" has no transaction. Subscribe it with @OnVerification(…, { transactional: true }).`,
    );
  }
}
