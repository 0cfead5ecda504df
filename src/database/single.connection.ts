import {
  QueryFailedError,
  type BeforeQueryEvent,
  type DataSource,
  type EntitySubscriberInterface,
  type Logger,
  type QueryRunner,
} from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { Semaphore } from '../concurrency/semaphore.js';
import {
  DatabaseConnection,
  finishHandlerWork,
  withQueryRunner,
  type HandlerWork,
  type StatementStep,
} from './database.connection.js';
import { DatabaseFailedError } from './database.errors.js';
import type { Dialect, SqlResult } from './dialect/dialect.js';
import { HandlerTransaction, type HandlerStatements } from './handler.transaction.js';
import type { Lane } from './lanes.js';
import type { Sql } from './sql.js';
import { CachingHandle, runTransactionSync, runStatement, type SqliteHandle } from './sqlite.statement.js';
import { SqliteTransaction } from './sqlite.transaction.js';

/** Collection of the promises of subscribers, as TypeORM keeps it. Nobody awaits them. */
type BroadcastResult = Parameters<QueryRunner['broadcaster']['broadcastBeforeQueryEvent']>[0];

/**
 * The one connection to a SQLite file or memory. Statements and transactions run on it one at a time. Its driver
 * answers at once or not at all, so there is nothing to time.
 */
export class SingleConnection extends DatabaseConnection {
  readonly #turn = new Semaphore(1);
  #caching?: CachingHandle;
  /** Transactions of handlers that may be open. */
  readonly #handlers = new Set<SqliteTransaction>();

  constructor(
    host: DataSource,
    private readonly dataSource: DataSource,
    dialect: Dialect,
  ) {
    super(host, dialect, new Semaphore(1));
    host.subscribers.push(new HostListener(host, () => this.yieldToHost()));
  }

  /** Transactions on a file take turns for each of their statements. */
  override get maxHandlerTransactions(): number {
    return this.dataSource.options.type === 'sqljs' ? super.maxHandlerTransactions : Infinity;
  }

  override async close(): Promise<void> {
    if (this.dataSource === this.hostDataSource) return;
    await this.#turn.run(async () => {
      if (this.dataSource.isInitialized) await this.dataSource.destroy();
    });
  }

  override transactionOf(steps: readonly StatementStep[], lane: Lane = 'processing'): Promise<SqlResult[]> {
    if (this.dataSource.options.type === 'sqljs') return super.transactionOf(steps, lane);
    return this.withRetries(() =>
      this.withRunner(lane, async (runner) => {
        const handle = await this.handleOf(runner);
        return runTransactionSync(handle, steps, (statement) => this.run(handle, runner, statement));
      }),
    );
  }

  private async handleOf(runner: QueryRunner): Promise<SqliteHandle> {
    const handle = (await runner.connect()) as SqliteHandle;
    if (this.#caching?.handle !== handle) this.#caching = new CachingHandle(handle);
    return this.#caching;
  }

  /** Runs a statement as the query runner does, and at once. */
  private run(handle: SqliteHandle, runner: QueryRunner, statement: Sql): SqlResult {
    const { text, parameters } = statement.render(this.dialect.placeholder);
    const { broadcaster } = runner;
    const broadcast = { promises: [] as unknown[] } as BroadcastResult;
    this.dataSource.logger.logQuery(text, parameters, runner);
    broadcaster.broadcastBeforeQueryEvent(broadcast, text, parameters);
    try {
      const { records = [], affected = 0 } = runStatement(handle, text, parameters);
      broadcaster.broadcastAfterQueryEvent(broadcast, text, parameters, true, undefined, records, undefined);
      return { records: records as Record<string, unknown>[], affected };
    } catch (error) {
      broadcaster.broadcastAfterQueryEvent(broadcast, text, parameters, false, undefined, undefined, error);
      throw new QueryFailedError(text, parameters, error as Error);
    }
  }

  override async handlerTransaction<T>(work: HandlerWork<T>): Promise<T> {
    if (this.dataSource.options.type === 'sqljs') return super.handlerTransaction(work);
    const runner = this.dataSource.createQueryRunner();
    const handle = await this.handleOf(runner);
    const transaction = new SqliteTransaction(handle, this.#turn, (begin) => this.withRetries(begin));
    this.#handlers.add(transaction);
    try {
      return await this.runHandler(transaction, runner, work);
    } finally {
      transaction.end();
      this.#handlers.delete(transaction);
    }
  }

  private async runHandler<T>(transaction: SqliteTransaction, runner: QueryRunner, work: HandlerWork<T>): Promise<T> {
    const guarded = new HandlerTransaction(
      runner,
      this.dialect,
      statementsOf(transaction, runner, this.hostDataSource.logger),
    );
    let isCommitting = false;
    try {
      const result = await finishHandlerWork(
        guarded,
        work(async (statement) => {
          const { text, parameters } = statement.render(this.dialect.placeholder);
          const { records = [], affected = 0 } = await transaction.execute(text, parameters);
          return { records: records as Record<string, unknown>[], affected };
        }, guarded),
      );
      isCommitting = true;
      await transaction.commit();
      return result;
    } catch (error) {
      throw this.isOurFailure(guarded, error, isCommitting) ? new DatabaseFailedError(error) : error;
    }
  }

  protected override withRunner<T>(lane: Lane, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const task = () => withQueryRunner(this.dataSource, work);
    // With sql.js a handler keeps its turn. Renewals, and what an operator reads, then run in its transaction.
    const needsNoTurn = lane === 'urgent' || lane === 'operating';
    return needsNoTurn && this.dataSource.options.type === 'sqljs' ? task() : this.#turn.run(task);
  }

  protected override withHandlerRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    return this.withRunner('processing', work);
  }

  protected override withStatementTimeout<T>(_: QueryRunner, statement: Promise<T>): Promise<T> {
    return statement;
  }

  protected override discard(runner: QueryRunner): Promise<void> {
    return this.dialect.disconnect(runner);
  }

  private yieldToHost(): void {
    for (const transaction of this.#handlers) transaction.yieldToHost();
  }
}

/** Runs the statements of a handler's manager, and logs them as the host does its own. */
function statementsOf(transaction: SqliteTransaction, runner: QueryRunner, logger: Logger): HandlerStatements {
  return {
    async query(text, parameters: unknown, isStructured) {
      const values = (parameters ?? []) as unknown[];
      logger.logQuery(text, values, runner);
      try {
        const result = await transaction.execute(text, values);
        return isStructured === true ? result : result.raw;
      } catch (error) {
        if (error instanceof Cr3dentialsWebhookError) throw error;
        logger.logQueryError(error as Error, text, values, runner);
        throw new QueryFailedError(text, values, error as Error);
      }
    },
    hasRolledBack: () => Promise.resolve(transaction.hasRolledBack),
  };
}

/** Hears of each statement of the host, just before it runs. */
class HostListener implements EntitySubscriberInterface {
  constructor(
    private readonly host: DataSource,
    private readonly listen: () => void,
  ) {}

  beforeQuery({ queryRunner }: BeforeQueryEvent): void {
    if (queryRunner.connection === this.host) this.listen();
  }
}
