import type { EntityManager, QueryRunner } from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';

/** TypeORM keeps the depth of nested transactions in the query runner, and does not show it. */
type Nesting = QueryRunner & { transactionDepth: number };

/** Ends a transaction as a whole, where TypeORM's own statements only end what is nested in it. */
const TRANSACTION_CONTROL =
  /^\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|ROLLBACK(?!\s+((WORK|TRANSACTION)\s+)?TO))\b/i;

/**
 * A handler's view of the transaction that it writes in, with a manager of its own. Nested transactions are counted in
 * a copy of the query runner, so the handler cannot commit, roll back or release what is not its own. Once the
 * transaction has ended, the manager refuses every statement: a handler that has run out of time may still go on, and
 * its connection belongs to somebody else by then.
 */
export class HandlerTransaction {
  readonly manager: EntityManager;
  readonly #own: Nesting;
  readonly #depth: number;
  #hasEnded = false;

  constructor(private readonly runner: QueryRunner) {
    this.#own = Object.create(runner) as Nesting;
    this.#depth = this.#own.transactionDepth;
    this.#guardStatements();
    this.#guardEnds();
    this.manager = runner.manager.connection.createEntityManager(this.#own);
  }

  /** Returns true while a transaction that the handler has begun inside of this one is open. */
  get isNested(): boolean {
    return this.#own.transactionDepth > this.#depth;
  }

  /** Refuses whatever the handler still writes. */
  end(): void {
    this.#hasEnded = true;
  }

  #guardStatements(): void {
    const { runner } = this;
    this.#own.query = async (text: string, ...rest: never[]) => {
      this.#assertAllowed(text);
      return (await runner.query(text, ...rest)) as never;
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
      await runner.rollbackTransaction.call(this.#own);
    };
    this.#own.release = () => Promise.resolve();
  }

  #assertAllowed(text: string): void {
    if (this.#hasEnded) throw ended();
    if (TRANSACTION_CONTROL.test(text)) throw notYours();
  }
}

function ended(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'The transaction of this handler has ended. Stop at context.signal, and await every write before returning.',
  );
}

function notYours(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'A handler cannot begin, commit or roll back the transaction that it is given. Throw to roll it back, or nest one with manager.transaction().',
  );
}
