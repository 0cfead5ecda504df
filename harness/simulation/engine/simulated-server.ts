import type { Scheduler } from '../scheduler.js';
import { EPOCH } from '../virtual-globals.js';
import { StatementError, type Ending, type Engine, type StatementResult } from './engine.js';
import { simulatedDialect } from './simulated.dialect.js';
import { SimulatedSession } from './simulated-session.js';
import { rewriteSkipLocked, type Rewritten } from './skip-locked.js';
import type { SqliteDatabase } from './sqlite.js';
import { lockOf, Store } from './store.js';

/** Time after which a server looks whether those who wait for a lock wait for each other. */
const DEADLOCK_TIMEOUT_MS = 1_000;

/** A statement that waits for a lock. */
interface Waiter {
  readonly session: SimulatedSession;
  readonly run: () => Ending | undefined;
  readonly end: (ending: Ending) => void;
}

/**
 * A database server in memory with the rules of PostgreSQL: READ COMMITTED, locks of rows and unique values, savepoints,
 * and a transaction that refuses everything after an error. SQLite runs the statements, and holds what is committed.
 */
export class SimulatedServer implements Engine {
  readonly dialect = simulatedDialect;
  readonly sessions = new Set<SimulatedSession>();
  readonly #store: Store;
  readonly #locks = new Map<string, SimulatedSession>();
  readonly #rewritten = new Map<string, Rewritten>();
  #running: SimulatedSession | undefined;
  #waiters: Waiter[] = [];
  #lastId = 0;
  #lastTransactionId = 0;

  constructor(
    db: SqliteDatabase,
    private readonly scheduler: Scheduler,
  ) {
    this.#store = new Store(db, {
      isFree: (table, key) => this.#isFree(lockOf(table, [key])),
      takeLock: (name) => this.#takeAdvisory(`advisory ${name}`),
      transactionId: () => this.#transactionId(),
      takeSharedLock: (name) => this.#takeSharedAdvisory(`advisory ${name}`),
      now: () => EPOCH + Math.floor(scheduler.now),
    });
  }

  open(lockTimeout: number): SimulatedSession {
    const session = new SimulatedSession(this, ++this.#lastId, lockTimeout);
    this.sessions.add(session);
    return session;
  }

  read(text: string): Record<string, unknown>[] {
    return this.#store.run(text, []).result.rows;
  }

  reset(): void {
    for (const session of this.sessions) session.close();
    this.sessions.clear();
    this.#locks.clear();
    this.#waiters = [];
    this.#lastId = 0;
    this.#lastTransactionId = 0;
    for (const table of this.#store.tables) this.#store.run(`DELETE FROM "${table}"`, []);
  }

  close(): void {}

  /** Ends a session from another one. */
  terminate(id: number): void {
    for (const session of this.sessions) if (session.id === id) session.close();
  }

  forget(session: SimulatedSession): void {
    this.sessions.delete(session);
    this.#waiters = this.#waiters.filter((waiter) => waiter.session !== session);
    this.unlock(session);
  }

  /** Frees all locks of a session, and lets those go on who waited for them. */
  unlock(session: SimulatedSession): void {
    for (const [name, owner] of this.#locks) if (owner === session) this.#locks.delete(name);
    for (const waiter of this.#waiters) this.#retry(waiter); // it puts another list in the place of this one
  }

  commit(session: SimulatedSession): void {
    this.#store.begin();
    session.transaction?.applyTo(this.#store);
    this.#store.commit();
  }

  /** Runs a statement, or makes it wait for a lock. */
  execute(
    session: SimulatedSession,
    text: string,
    parameters: readonly unknown[],
    end: (ending: Ending) => void,
  ): void {
    const run = () => this.#attempt(session, text, parameters);
    const ending = run();
    if (ending) return end(ending);
    const waiter: Waiter = { session, run, end };
    this.#waiters.push(waiter);
    const { lockTimeout } = session;
    if (lockTimeout > 0) this.scheduler.after(lockTimeout, () => this.#give(waiter, '55P03', 'lock timeout'));
    this.scheduler.after(DEADLOCK_TIMEOUT_MS, () => {
      if (this.#isDeadlocked(session)) this.#give(waiter, '40P01', 'deadlock detected');
    });
  }

  #retry(waiter: Waiter): void {
    if (!this.#waiters.includes(waiter)) return;
    const ending = waiter.run();
    if (!ending) return;
    this.#remove(waiter);
    waiter.end(ending);
  }

  #give(waiter: Waiter, code: string, message: string): void {
    if (!this.#waiters.includes(waiter)) return;
    this.#remove(waiter);
    waiter.session.abort();
    waiter.end({ error: new StatementError(code, message) });
  }

  #remove(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((one) => one !== waiter);
    waiter.session.waitsFor = undefined;
  }

  #isDeadlocked(session: SimulatedSession): boolean {
    let next = session.waitsFor;
    for (let count = 0; next && count < this.sessions.size; count++) {
      if (next === session) return true;
      next = next.waitsFor;
    }
    return false;
  }

  /** Returns undefined if the statement has to wait. */
  #attempt(session: SimulatedSession, text: string, parameters: readonly unknown[]): Ending | undefined {
    this.#running = session;
    const rewritten = this.#rewrite(text);
    const isAlone = !session.transaction && this.#locks.size === 0;
    try {
      if (isAlone) return { result: this.#store.run(rewritten.text, parameters).result };
      this.#store.begin();
      session.transaction?.applyTo(this.#store);
      const result = this.#runUnderLocks(session, rewritten, parameters);
      if (result && !session.transaction) this.#store.commit();
      return result && { result };
    } catch (error) {
      session.abort();
      return { error: error instanceof Error ? error : new Error(String(error)) };
    } finally {
      this.#store.rollback();
    }
  }

  #runUnderLocks(
    session: SimulatedSession,
    { text, table }: Rewritten,
    parameters: readonly unknown[],
  ): StatementResult | undefined {
    const { transaction } = session;
    const { result, touched } = this.#store.run(text, parameters);
    session.waitsFor = touched
      .flatMap(({ locks }) => locks)
      .map((lock) => this.#locks.get(lock))
      .find((owner) => owner && owner !== session);
    if (session.waitsFor) return undefined;
    if (!transaction) return result;
    for (const row of touched) transaction.write(row, this.#store.imageOf(row));
    if (table && result.command === 'SELECT')
      for (const row of result.rows)
        transaction.lock(
          lockOf(
            table,
            this.#store.keyOf(table).map((column) => String(row[column])),
          ),
        );
    for (const lock of transaction.locks) this.#locks.set(lock, session);
    return result;
  }

  #rewrite(text: string): Rewritten {
    let rewritten = this.#rewritten.get(text);
    if (!rewritten) {
      rewritten = rewriteSkipLocked(text, (table) => this.#store.keyOf(table));
      this.#rewritten.set(text, rewritten);
    }
    return rewritten;
  }

  #isFree(lock: string): boolean {
    const owner = this.#locks.get(lock);
    return owner === undefined || owner === this.#running;
  }

  /** A statement by itself is a transaction of its own. */
  #transactionId(): number {
    const transaction = this.#running?.transaction;
    if (!transaction) return ++this.#lastTransactionId;
    return (transaction.id ??= ++this.#lastTransactionId);
  }

  /** Each session has a share of its own. */
  #takeSharedAdvisory(lock: string): boolean {
    if (!this.#isFree(lock)) return false;
    if (this.#running) this.#running.transaction?.lock(`${lock} share ${this.#running.id}`);
    return true;
  }

  #takeAdvisory(lock: string): boolean {
    const shares = [...this.#locks.keys()].filter((name) => name.startsWith(`${lock} share `));
    if (![lock, ...shares].every((name) => this.#isFree(name))) return false;
    this.#running?.transaction?.lock(lock);
    return true;
  }
}
