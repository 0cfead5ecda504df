import { setImmediate } from 'node:timers';
import { isDeepStrictEqual } from 'node:util';
import type { Semaphore } from '../concurrency/semaphore.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { runStatement, type SqliteHandle, type SqliteResult } from './sqlite.statement.js';

interface Entry {
  readonly text: string;
  readonly parameters: readonly unknown[];
  readonly result: SqliteResult;
}

/**
 * Transaction of a handler in a SQLite file, which has one writer at a time. It is open for one turn of the event loop
 * at most. A handler that awaits something else has it rolled back. Its next statement opens it again, and repeats what
 * came before. If any statement then has a different result, somebody else has written, and the handler fails.
 *
 * So neither receiving nor the host ever waits for a handler: their drivers would stop the event loop, and the handler
 * with it.
 */
export class SqliteTransaction {
  readonly #entries: Entry[] = [];
  #isOpen = false;
  #hasEnded = false;
  #hasRolledBack = false;
  /** True in memory, where the host has a transaction of its own on the same connection. */
  #isNested = false;
  #isHostNext = false;
  #opening?: Promise<void>;
  #releaseTurn: () => void = () => {};

  constructor(
    private readonly handle: SqliteHandle,
    /** Right to use the connection. It is held while the transaction is open. */
    private readonly turn: Semaphore,
    /** Tries again, after pauses, while the file is locked. */
    private readonly retried: (begin: () => Promise<void>) => Promise<void>,
  ) {}

  /** Returns true once the database has rolled back by itself. */
  get hasRolledBack(): boolean {
    return this.#hasRolledBack;
  }

  /** @throws Cr3dentialsWebhookError `TRANSACTION_CONFLICT` if somebody has written since the last statement */
  async execute(text: string, parameters: readonly unknown[] = []): Promise<SqliteResult> {
    while (!this.#isOpen) await this.#open(); // a statement of the host may have closed it again
    try {
      const result = runStatement(this.handle, text, parameters);
      this.#entries.push({ text, parameters, result });
      return result;
    } catch (error) {
      this.#hasRolledBack ||= !this.handle.inTransaction;
      throw error;
    }
  }

  /** @throws Cr3dentialsWebhookError `TRANSACTION_CONFLICT` if somebody has written since the last statement */
  async commit(): Promise<void> {
    while (!this.#isOpen) await this.#open(); // a statement of the host may have closed it again
    this.handle.exec(this.#isNested ? 'RELEASE handler' : 'COMMIT');
    this.#isOpen = false;
    this.#releaseTurn();
  }

  /** Ends it. What is not committed leaves no trace. */
  end(): void {
    this.#hasEnded = true;
    this.close();
  }

  /** Rolls back what is open. The next statement opens it again. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.handle.inTransaction)
      this.handle.exec(this.#isNested ? 'ROLLBACK TO handler; RELEASE handler' : 'ROLLBACK');
    this.#releaseTurn();
  }

  /** Closes it for a statement of the host that is about to run in this turn of the event loop. */
  yieldToHost(): void {
    this.#isHostNext = true;
    this.close();
  }

  async #open(): Promise<void> {
    if (this.#isHostNext) await new Promise((resolve) => setImmediate(resolve));
    this.#isHostNext = false;
    if (!this.#isOpen) await this.#reopenOnce();
  }

  /** Opens it once for all statements that the handler has not awaited. */
  #reopenOnce(): Promise<void> {
    this.#opening ??= this.#reopen().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  #reopen(): Promise<void> {
    return this.retried(async () => {
      await this.#takeTurn();
      try {
        if (this.#hasEnded) throw new Error('The transaction has ended.');
        this.#isNested = this.handle.inTransaction;
        this.handle.exec(this.#isNested ? 'SAVEPOINT handler' : 'BEGIN IMMEDIATE');
      } catch (error) {
        this.#releaseTurn();
        throw error;
      }
      this.#isOpen = true;
      setImmediate(() => this.close());
      this.#repeat();
    });
  }

  #takeTurn(): Promise<void> {
    return new Promise((taken) => {
      void this.turn.run(
        () =>
          new Promise<void>((giveBack) => {
            this.#releaseTurn = giveBack;
            taken();
          }),
      );
    });
  }

  #repeat(): void {
    for (const { text, parameters, result } of this.#entries)
      if (!isSame(text, runStatement(this.handle, text, parameters), result)) throw conflict();
  }
}

/** Statement whose row id is its own. That of any other is of an earlier insert, by whomever. */
const INSERT = /^\s*(INSERT|REPLACE)\b(?![\s\S]*\bON\s+CONFLICT\b)/i;

function isSame(text: string, one: SqliteResult, other: SqliteResult): boolean {
  if (one.records || INSERT.test(text)) return isDeepStrictEqual(one, other);
  return one.affected === other.affected;
}

function conflict(): Error {
  return new Cr3dentialsWebhookError(
    'TRANSACTION_CONFLICT',
    'Somebody else has written to the SQLite file between two statements of this handler. Await everything else before the first use of "manager", or use a database server.',
  );
}
