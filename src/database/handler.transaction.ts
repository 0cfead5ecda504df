import type { EntityManager, QueryRunner } from 'typeorm';
import { isUnavailable } from './database.errors.js';
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

/** Something follows a semicolon. */
const SEVERAL = /;\s*\S/;
/** A statement that itself is made of statements, such as the definition of a function. */
const HAS_BODY = /^(CREATE|ALTER|DO)\b/i;
const QUOTED =
  /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[^!][\s\S]*?\*\//g;

/** Time after the end for which a statement that is under way is waited for. It is rolled back in any case. */
const LOST_AFTER_MS = 1_000;

/** Runs the statements of a handler. */
export interface HandlerStatements {
  query(text: string, ...rest: unknown[]): Promise<unknown>;
  /** Tells whether a failed statement has ended the whole transaction. */
  hasRolledBack(failure: unknown): Promise<boolean>;
}

function onRunner(runner: QueryRunner, dialect: Dialect): HandlerStatements {
  return {
    query: (text, ...rest) => runner.query(text, ...(rest as never[])),
    hasRolledBack: (failure) => dialect.hasRolledBack(runner, failure),
  };
}

/**
 * Transaction that a handler writes in, as the handler sees it, with a manager of its own. A copy of the query runner
 * counts nested transactions, so the handler cannot commit, roll back or release what is not its own. Once the
 * transaction has ended, the manager refuses every statement: a handler that has timed out may still run, while its
 * connection serves other work.
 */
export class HandlerTransaction {
  readonly manager: EntityManager;
  readonly #guardedRunner: Nesting;
  readonly #depth: number;
  #hasEnded = false;
  #hasLostConnection = false;
  #hasFailedLate = false;
  /** The statements that are under way, each with what rejects it. */
  readonly #underWay = new Map<Promise<unknown>, (failure: Error) => void>();
  /** True once the database itself has rolled back: every statement that follows would be committed on its own. */
  #wasRolledBack = false;

  constructor(
    private readonly runner: QueryRunner,
    private readonly dialect: Dialect,
    private readonly statements: HandlerStatements = onRunner(runner, dialect),
  ) {
    const { broadcaster } = runner as Nesting;
    this.#depth = Math.max(1, (runner as Nesting).transactionDepth);
    // Subscribers are given this copy: whatever they do with it is the handler's too.
    const state = { transactionDepth: this.#depth, isTransactionActive: true };
    this.#guardedRunner = Object.assign(Object.create(runner) as Nesting, state);
    this.#guardedRunner.broadcaster = new broadcaster.constructor(this.#guardedRunner);
    this.#guardStatements();
    this.#guardEnds();
    this.manager = runner.manager.connection.createEntityManager(this.#guardedRunner);
  }

  /** Returns true while a transaction that the handler has begun inside of this one is open. */
  get isNested(): boolean {
    return this.#guardedRunner.transactionDepth > this.#depth;
  }

  /** Returns true once a statement has failed because the database or the connection did. */
  get hasLostConnection(): boolean {
    return this.#hasLostConnection;
  }

  /**
   * Returns true once a statement has failed that began while the run was being completed: `settled()` had not seen it.
   */
  get hasFailedLate(): boolean {
    return this.#hasFailedLate;
  }

  /** Resolves when the statements that are under way have ended, however they do. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.keys());
  }

  /**
   * Refuses whatever the handler still writes. A driver may forget the statement of a connection that was ended; the
   * handler would wait for it for ever.
   */
  end(): void {
    this.#hasEnded = true;
    if (this.#underWay.size === 0) return;
    setTimeout(() => {
      for (const reject of this.#underWay.values()) reject(ended());
    }, LOST_AFTER_MS).unref();
  }

  #tracked<T>(statement: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#underWay.set(statement, reject);
      statement.finally(() => this.#underWay.delete(statement)).then(resolve, reject);
    });
  }

  #guardStatements(): void {
    const { runner } = this;
    this.#guardedRunner.query = async (text: string, ...rest: never[]) => {
      this.#assertAllowed(text);
      try {
        return (await this.#tracked(this.statements.query(text, ...rest))) as never;
      } catch (failure) {
        this.#hasLostConnection ||= isUnavailable(this.dialect, failure);
        this.#hasFailedLate ||= this.#hasEnded;
        if (this.#hasEnded) throw failure;
        this.#wasRolledBack ||= await this.statements.hasRolledBack(failure);
        throw failure;
      }
    };
    this.#guardedRunner.stream = async (text, ...rest) => {
      this.#assertAllowed(text);
      return runner.stream(text, ...rest);
    };
  }

  #guardEnds(): void {
    const { runner } = this;
    this.#guardedRunner.commitTransaction = async () => {
      if (!this.isNested) throw notYours();
      await runner.commitTransaction.call(this.#guardedRunner);
    };
    this.#guardedRunner.rollbackTransaction = async () => {
      if (!this.isNested) throw notYours();
      await runner.rollbackTransaction.call(this.#guardedRunner);
    };
    this.#guardedRunner.release = () => Promise.resolve();
  }

  #assertAllowed(text: string): void {
    if (this.#hasEnded) throw ended();
    if (this.#wasRolledBack) throw rolledBack();
    for (const statement of statementsOf(text))
      if (TRANSACTION_CONTROL.test(statement) || this.dialect.commitsImplicitly?.test(statement)) throw notYours();
  }
}

/**
 * Returns the statements of a text, each without what comes before its first word. Those behind the first are found for
 * the sake of an early error. What is not found here, such as in a procedure, shows when the run is completed.
 */
function statementsOf(text: string): string[] {
  const first = text.replace(LEADING_COMMENTS, '');
  if (!SEVERAL.test(first) || HAS_BODY.test(first)) return [first];
  const [, ...others] = first.replace(QUOTED, ' ').split(';');
  return [first, ...others.map((other) => other.replace(LEADING_COMMENTS, ''))];
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
    'The database has rolled back the transaction of this handler. Rethrow the error of the failed statement.',
  );
}

function notYours(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'A handler cannot begin, commit or roll back the transaction that it is given, nor run a statement that commits by itself. Throw to roll it back, or nest one with manager.transaction().',
  );
}
