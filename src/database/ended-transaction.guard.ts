import type { EntityManager, QueryRunner } from 'typeorm';
import type { Dialect } from './dialect/dialect.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';

/** Query runner with its depth of nested transactions and its broadcaster, which TypeORM does not expose. */
type Nesting = QueryRunner & {
  transactionDepth: number;
  broadcaster: { constructor: new (runner: QueryRunner) => Nesting['broadcaster'] };
};

/**
 * Statements that begin or end the transaction as a whole. Those of TypeORM itself, such as `ROLLBACK TO`, only end
 * what is nested in it.
 */
const TRANSACTION_CONTROL =
  /^(BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|ROLLBACK(?!\s+((WORK|TRANSACTION)\s+)?TO))\b/i;
/** White space, comments and empty statements. A comment that MySQL executes is none. */
const LEADING_COMMENTS = /^(\s|;|--[^\n]*(\n|$)|#[^\n]*(\n|$)|\/\*[^!][\s\S]*?\*\/)+/;

/**
 * Transaction that a handler writes in, as the handler sees it, with a manager of its own. A copy of the query runner
 * counts nested transactions, so the handler cannot commit, roll back or release what is not its own. Once the
 * transaction has ended, the manager refuses every statement: a handler that has timed out may still run, while its
 * connection serves other work.
 */
export class HandlerTransaction {
  readonly manager: EntityManager;
  readonly #own: Nesting;
  readonly #depth: number;
  #hasEnded = false;
  #hasRolledBackNested = false;
  /** By the database itself: every statement that follows would be committed on its own. */
  #wasRolledBack = false;

  constructor(
    private readonly runner: QueryRunner,
    private readonly dialect: Dialect,
  ) {
    const { transactionDepth, broadcaster } = runner as Nesting;
    this.#depth = transactionDepth;
    // Subscribers are given this copy: whatever they do with it is the handler's too.
    this.#own = Object.assign(Object.create(runner) as Nesting, { transactionDepth });
    this.#own.broadcaster = new broadcaster.constructor(this.#own);
    this.#guardStatements();
    this.#guardEnds();
    this.manager = runner.manager.connection.createEntityManager(this.#own);
  }

  /** Returns true while a transaction that the handler has begun inside of this one is open. */
  get isNested(): boolean {
    return this.#own.transactionDepth > this.#depth;
  }

  /** Returns true once a nested transaction was rolled back, with all that was written on this connection meanwhile. */
  get hasRolledBackNested(): boolean {
    return this.#hasRolledBackNested;
  }

  /** Refuses whatever the handler still writes. */
  end(): void {
    this.#hasEnded = true;
  }

  #guardStatements(): void {
    const { runner } = this;
    this.#own.query = async (text: string, ...rest: never[]) => {
      this.#assertAllowed(text);
      try {
        return (await runner.query(text, ...rest)) as never;
      } catch (failure) {
        this.#wasRolledBack ||= await this.dialect.hasRolledBack(runner, failure);
        throw failure;
      }
    };
    this.#own.stream = async (text, ...rest) => {
      this.#assertAllowed(text);
      return runner.stream(text, ...rest);
    };
  }

  #guardEnds(): void {
    const { runner } = this;
    this.#own.commitTransaction = async () => {
      if (!this.isNested) throw notYours();
      await runner.commitTransaction.call(this.#own);
    };
    this.#own.rollbackTransaction = async () => {
      if (!this.isNested) throw notYours();
      this.#hasRolledBackNested = true;
      await runner.rollbackTransaction.call(this.#own);
    };
    this.#own.release = () => Promise.resolve();
  }

  #assertAllowed(text: string): void {
    if (this.#hasEnded) throw ended();
    if (this.#wasRolledBack) throw rolledBack();
    const statement = text.replace(LEADING_COMMENTS, '');
    if (TRANSACTION_CONTROL.test(statement) || this.dialect.commitsImplicitly?.test(statement)) throw notYours();
  }
}

function ended(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'The transaction of this handler has ended. Stop at context.signal, and await every write before returning.',
  );
}

function rolledBack(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'The database has rolled back the transaction of this handler. Let the error of the statement that failed pass.',
  );
}

function notYours(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'A handler cannot begin, commit or roll back the transaction that it is given, nor run a statement that commits by itself. Throw to roll it back, or nest one with manager.transaction().',
  );
}
