import { Inject, Injectable } from '@nestjs/common';
import { Cancellation } from '../../concurrency/cancellation.js';
import { DatabaseConnection, type HandlerWork } from '../../database/database.connection.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import type { WaitingRun } from './limited.handlers.js';

/** The pool counts as exhausted if no transaction could begin for this long. */
const POOL_WAIT_TIMEOUT_MS = 1_000;
/** Runs that may wait here while the pool is exhausted, in multiples of `processing.concurrency`. */
const WAITING_FACTOR = 2;
/** Time between two runs that come back to try again. */
const RECHECK_SPACING_MS = 10;
const MAX_RECHECK_DELAY_MS = 60_000;

/** A transaction that has not begun. */
interface Wait {
  readonly since: number;
  readonly run: WaitingRun;
  readonly cancellation: Cancellation;
  /** Listens to the cancellation of the run while it waits. */
  readonly cancel: (reason: unknown) => void;
}

/** Thrown when a run has not begun. `retryIn`: milliseconds after which to try again. */
export class HeldBack extends Error {
  constructor(readonly retryIn: number) {
    super('The handler has no capacity.');
  }
}

/** Thrown when no connection of the host was to be had, for the reason given. */
export class NotConnected extends Error {
  constructor(override readonly cause: unknown) {
    super('There is no connection.');
  }
}

/**
 * Runs the transactions of handlers. While the host has no connection for any of them, the deliveries that wait leave
 * their slots to others. Where too many wait, runs are held back: their deliveries wait in the inbox.
 */
@Injectable()
export class HandlerTransactionQueue {
  readonly #waits = new Set<Wait>();
  /** The waits whose deliveries have left their slots. */
  readonly #aside = new Set<Wait>();
  readonly #maxAside: number;
  #running = 0;
  #begunAt = -Infinity;
  #rechecksUntil = 0;
  #isExhausted = false;
  #isStopped = false;
  #watch?: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: DatabaseConnection,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) { concurrency }: Pick<ProcessingSettings, 'concurrency'>,
  ) {
    this.#maxAside = WAITING_FACTOR * concurrency;
  }

  /** Cancels every wait, so that another instance can take the runs at once. */
  stop(): void {
    this.#isStopped = true;
    for (const { cancellation } of this.#waits) cancellation.cancel(new HeldBack(0));
  }

  /**
   * Runs work in a transaction of the host, as `handlerTransaction()` does.
   *
   * @throws HeldBack if there is no connection for it now
   * @throws NotConnected if connecting fails
   */
  async run<T>(run: WaitingRun, work: HandlerWork<T>): Promise<T> {
    if (this.#isStopped) throw new HeldBack(0);
    const cancellation = new Cancellation();
    const cancel = (reason: unknown): void => cancellation.cancel(reason);
    const wait = { since: performance.now(), run, cancellation, cancel };
    this.#add(wait);
    try {
      // One that is given up may still wait for a connection. It ends as soon as it has it.
      return await Promise.race([this.#begun(wait, work), rejectionOf(wait.cancellation)]);
    } catch (error) {
      throw this.#waits.has(wait) && !wait.cancellation.isRequested ? new NotConnected(error) : error;
    } finally {
      this.#remove(wait);
    }
  }

  #begun<T>(wait: Wait, work: HandlerWork<T>): Promise<T> {
    return this.connection.handlerTransaction(async (execute, transaction) => {
      if (wait.cancellation.isRequested) throw wait.cancellation.reason;
      this.#remove(wait);
      this.#isExhausted = false;
      this.#begunAt = performance.now();
      this.#running++;
      try {
        return await work(execute, transaction);
      } finally {
        this.#running--;
      }
    }, wait.cancellation);
  }

  #add(wait: Wait): void {
    this.#waits.add(wait);
    wait.run.cancellation.onCancel(wait.cancel);
    if (this.#isExhausted) this.#stepAside(wait);
    this.#watch ??= setInterval(() => this.#checkPool(), POOL_WAIT_TIMEOUT_MS).unref();
  }

  #remove(wait: Wait): void {
    wait.run.cancellation.offCancel(wait.cancel); // the work itself sees to it once it has begun
    this.#waits.delete(wait);
    this.#aside.delete(wait);
  }

  /** Checks whether there is no connection, rather than none left by our own handlers. */
  #checkPool(): void {
    const [oldest] = this.#waits;
    if (!oldest) {
      clearInterval(this.#watch);
      this.#watch = undefined;
      return;
    }
    const sinceLast = performance.now() - Math.max(oldest.since, this.#begunAt);
    if (sinceLast < POOL_WAIT_TIMEOUT_MS || this.#running >= this.connection.maxHandlerTransactions) return;
    this.#isExhausted = true;
    this.instrumentation.announce('pool-exhausted', { waiting: this.#waits.size });
    for (const wait of this.#waits) this.#stepAside(wait);
  }

  #stepAside(wait: Wait): void {
    if (this.#aside.has(wait)) return;
    if (this.#aside.size >= this.#maxAside) return wait.cancellation.cancel(new HeldBack(this.#recheckDelay()));
    this.#aside.add(wait);
    wait.run.slot.leave();
  }

  #recheckDelay(): number {
    const now = performance.now();
    this.#rechecksUntil = Math.max(this.#rechecksUntil + RECHECK_SPACING_MS, now + POOL_WAIT_TIMEOUT_MS);
    return Math.ceil(Math.min(this.#rechecksUntil - now, MAX_RECHECK_DELAY_MS));
  }
}

function rejectionOf(cancellation: Cancellation): Promise<never> {
  return new Promise((_, reject) => cancellation.onCancel(reject));
}
