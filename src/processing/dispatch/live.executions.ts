import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { keyOfRun } from '../../inbox/handler-run.queries.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';

/** Executions of one handler that may go on after they were aborted, in multiples of `concurrency`. */
const OVERDUE_FACTOR = 2;
/** Delays until a run that was held back is tried again. */
const MIN_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;
/** Time for which timeouts of a handler are remembered. */
const TIMEOUT_MEMORY_MS = 300_000;

/** Load of one handler on this instance. */
interface HandlerLoad {
  /** Executions within their time. */
  running: number;
  /** Executions that go on although they were aborted. */
  overdue: number;
  /** Times of its last timeouts, as many as make it suspect. */
  readonly timeouts: number[];
  /** Executions that it may have while it hangs. So many timeouts show that it does. */
  readonly share: number;
  /** Time after which an execution is aborted. */
  readonly timeout: number;
}

/** A run that has begun. */
interface BegunRun {
  readonly deliveryId: string;
  readonly handler: string;
  /** Delivery and handler. */
  readonly run: string;
  readonly load: HandlerLoad;
}

/**
 * Counts the executions of handlers that are alive on this instance, and those that go on although they were aborted.
 * Says which run may begin: never a second one of the same handler and delivery, and no more of a handler that hangs
 * than its share.
 */
@Injectable()
export class LiveExecutions {
  /** The runs that are alive, with the time since which they are overdue. */
  readonly #alive = new Map<string, number | undefined>();
  readonly #loads = new Map<string, HandlerLoad>();
  /** Number of overdue executions by delivery. */
  readonly #overdue = new Map<string, number>();
  readonly #listeners: (() => void)[] = [];
  readonly #concurrency: number;
  readonly #handlerTimeout: number;

  constructor(
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS)
    { concurrency, handlerTimeout }: Pick<ProcessingSettings, 'concurrency' | 'handlerTimeout'>,
  ) {
    this.#handlerTimeout = handlerTimeout;
    this.#concurrency = concurrency;
  }

  /** Number of deliveries with an overdue execution. */
  get overdueDeliveries(): number {
    return this.#overdue.size;
  }

  /** Registers a listener that is called when an overdue execution has ended. */
  onEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Returns the execution, which ends with `settle()`. It takes no room before `enter()`: a transactional run that
   * finds its row locked would take it from others. If it may not begin now, returns the milliseconds after which to
   * try again: half of the time for which the former execution has gone on, or when a handler that hangs may have room.
   *
   * @param limit number of executions for which there are connections, half of which a handler may have while it hangs
   */
  begin(deliveryId: string, handler: string, limit = Infinity, timeout = this.#handlerTimeout): LiveExecution | number {
    const run = keyOfRun({ deliveryId, handler });
    const load = this.#loads.get(handler) ?? this.newLoad(limit, timeout);
    if (this.#alive.has(run))
      return this.holdBack(handler, (this.clock.now() - (this.#alive.get(run) ?? Infinity)) / 2);
    if (!this.hasCapacity(load)) return this.holdBack(handler, load.timeout);
    this.#loads.set(handler, load);
    this.#alive.set(run, undefined);
    return new LiveExecution(this, { deliveryId, handler, run, load });
  }

  /**
   * Takes room for a handler that is about to be called. Returns the milliseconds after which to try again if there is
   * none.
   */
  entered({ handler, load }: BegunRun): number | undefined {
    if (!this.hasCapacity(load)) return this.holdBack(handler, load.timeout);
    load.running++;
    return undefined;
  }

  timedOut({ load: { timeouts, share } }: BegunRun): void {
    timeouts.push(this.clock.now());
    if (timeouts.length > share) timeouts.shift();
  }

  /** @param progress whether the handler has entered, and whether it has ended too */
  settled({ deliveryId, run, load }: BegunRun, progress: { hasEntered: boolean; isOver: boolean }): void {
    if (progress.hasEntered) load.running--;
    if (progress.isOver) this.#alive.delete(run);
    else this.addOverdue(deliveryId, run, load);
  }

  /** The handler has ended after its run. */
  ended({ deliveryId, run, load }: BegunRun): void {
    this.#alive.delete(run);
    this.removeOverdue(deliveryId, load);
  }

  /** Announces the overdue executions, if there are any. */
  announceOverdue(): void {
    if (this.#overdue.size === 0) return;
    const overdue = [...this.#loads].filter(([, load]) => load.overdue > 0);
    const handlers = new Map(overdue.map(([handler, load]) => [handler, load.overdue]));
    const count = [...handlers.values()].reduce((sum, one) => sum + one, 0);
    this.instrumentation.announce('executions-overdue', { count, handlers });
  }

  private hasCapacity({ running, overdue, timeouts, share }: HandlerLoad): boolean {
    if (overdue >= OVERDUE_FACTOR * this.#concurrency) return false;
    const [first = 0] = timeouts;
    const isSuspect = timeouts.length === share && this.clock.now() - first < TIMEOUT_MEMORY_MS;
    return !isSuspect || running < share;
  }

  private newLoad(limit: number, timeout: number): HandlerLoad {
    const share = Math.max(1, Math.floor(Math.min(this.#concurrency, limit) / 2));
    return { running: 0, overdue: 0, timeouts: [], share, timeout };
  }

  private holdBack(handler: string, delay: number): number {
    this.instrumentation.announce('run-held-back', { handler });
    return Math.round(Math.min(Math.max(delay, MIN_DELAY_MS), MAX_DELAY_MS));
  }

  private addOverdue(deliveryId: string, run: string, load: HandlerLoad): void {
    load.overdue++;
    this.#alive.set(run, this.clock.now());
    this.#overdue.set(deliveryId, (this.#overdue.get(deliveryId) ?? 0) + 1);
  }

  private removeOverdue(deliveryId: string, load: HandlerLoad): void {
    load.overdue--;
    const left = (this.#overdue.get(deliveryId) ?? 1) - 1;
    if (left > 0) this.#overdue.set(deliveryId, left);
    else this.#overdue.delete(deliveryId);
    for (const listener of this.#listeners) listener();
  }
}

/** One execution of a handler, until what the handler has returned has ended. That may be long after the run. */
export class LiveExecution {
  #hasEntered = false;
  #isGoingOn = false;
  #isSettled = false;

  constructor(
    private readonly executions: LiveExecutions,
    private readonly begun: BegunRun,
  ) {}

  /**
   * Takes room for the handler, which is called next. If there is none any more, returns the milliseconds after which
   * to try again.
   */
  enter(): number | undefined {
    const retryIn = this.executions.entered(this.begun);
    this.#hasEntered = retryIn === undefined;
    return retryIn;
  }

  timedOut(): void {
    this.executions.timedOut(this.begun);
  }

  /** Follows what the handler has returned to its end. */
  follow(completion: Promise<unknown>): void {
    this.#isGoingOn = true;
    const end = (): void => {
      this.#isGoingOn = false;
      if (this.#isSettled) this.executions.ended(this.begun);
    };
    completion.then(end, end);
  }

  /** The run has its result. */
  settle(): void {
    this.#isSettled = true;
    this.executions.settled(this.begun, { hasEntered: this.#hasEntered, isOver: !this.#isGoingOn });
  }
}
