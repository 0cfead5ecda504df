import { runOutsideRequest } from '../concurrency/run-outside-request.js';
import { withTimeout } from '../concurrency/with-timeout.js';
import type { Instrumentation } from './instrumentation.js';
import type { OccurrenceError, Occurrences, AttemptMessage } from './occurrences.js';
import { errorName, toSingleLine } from './single-line.js';
import type { BatchOperation, ReceivingSpan, AttemptFacts, Telemetry, TelemetrySource } from './telemetry.js';

type Hook = keyof Telemetry | 'end';
type Received = Occurrences['received'];

/** Time that a shutdown waits for what telemetry does at its end. */
const STOP_TIMEOUT_MS = 5_000;
/** Most deliveries of a batch that are told one by one. */
const MAX_TRACEPARENTS = 32;
/** Any other text does not fit its column, and would fail the POST. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

/** Calls the hooks of the host's telemetry. Whatever they throw, the work is done, once. */
export class TelemetryHooks {
  readonly #ends: (() => unknown)[] = [];
  /** Those that have a hook, found once and not for each attempt. */
  readonly #withHook: Readonly<Record<'receiving' | 'around' | 'batch' | 'active' | 'quiet', readonly Telemetry[]>>;

  constructor(
    private readonly all: readonly Telemetry[],
    private readonly instrumentation: Instrumentation,
  ) {
    const having = (hook: keyof Telemetry) => all.filter((telemetry) => telemetry[hook] !== undefined);
    this.#withHook = {
      receiving: having('receiving'),
      around: having('around'),
      batch: having('batch'),
      active: having('active'),
      quiet: having('quiet'),
    };
  }

  /** Tells whether anybody follows attempts. */
  get followsAttempts(): boolean {
    return this.#withHook.around.length > 0;
  }

  /** Tells whether anybody follows batches. */
  get followsBatches(): boolean {
    return this.#withHook.batch.length > 0;
  }

  start(source: TelemetrySource): void {
    for (const telemetry of this.all) {
      const end = this.#try('start', () => telemetry.start?.(source));
      if (typeof end === 'function') this.#ends.push(end);
    }
  }

  /** Waits five seconds at most: an exporter that hangs must not hold up the shutdown. */
  async stop(): Promise<void> {
    const ends = this.#ends.splice(0).map(async (end) => {
      try {
        await end();
      } catch (error) {
        this.#report('end', error);
      }
    });
    await withTimeout(Promise.all(ends), STOP_TIMEOUT_MS).catch((error: unknown) => this.#report('end', error));
  }

  receiving(): ReceivingSpan | undefined {
    const { receiving } = this.#withHook;
    if (receiving.length === 0) return undefined;
    const receipts: ReceivingSpan[] = [];
    let traceparent: string | undefined;
    for (const telemetry of receiving) {
      const receipt = this.#try('receiving', () => telemetry.receiving?.());
      if (!receipt) continue;
      receipts.push(receipt);
      traceparent ??= this.#try('receiving', () => checked(receipt.traceparent));
    }
    if (receipts.length === 0) return undefined;
    const end = (received: Received): void => {
      for (const receipt of receipts) this.#try('receiving', () => receipt.end(received));
    };
    return { traceparent, end };
  }

  around<T>(attempt: AttemptFacts, handle: () => T, event: unknown): T {
    return this.#within('around', (telemetry, next) => telemetry.around?.(attempt, next, event), handle);
  }

  /** Tells telemetry that follows an attempt how it has ended. */
  tellEnd(listeners: readonly ((ended: Readonly<AttemptMessage>) => unknown)[], ended: Readonly<AttemptMessage>): void {
    for (const listener of listeners) this.#try('around', () => listener(ended));
  }

  /**
   * Tells of the statements for a batch of deliveries.
   *
   * @param begunAt as `performance.now()` told it
   */
  batch(
    operation: BatchOperation,
    deliveries: readonly { readonly traceContext?: string | null }[],
    begunAt: number,
    error?: OccurrenceError,
  ): void {
    const { batch } = this.#withHook;
    if (batch.length === 0 || deliveries.length === 0) return;
    const traceparents = deliveries.flatMap(({ traceContext }) => traceContext ?? []).slice(0, MAX_TRACEPARENTS);
    const duration = performance.now() - begunAt;
    const facts = { operation, count: deliveries.length, traceparents, duration, error };
    for (const telemetry of batch) this.#try('batch', () => telemetry.batch?.(facts));
  }

  /** Returns the `traceparent` of whoever calls; null if nobody traces. */
  activeTraceparent(): string | null {
    for (const telemetry of this.#withHook.active) {
      const traceparent = this.#try('active', () => checked(telemetry.active?.()));
      if (traceparent !== undefined) return traceparent;
    }
    return null;
  }

  /** Does work that belongs to no request and to no delivery. */
  inBackground<T>(work: () => T): T {
    return runOutsideRequest(() => this.untraced(work));
  }

  untraced<T>(work: () => T): T {
    return this.#within('quiet', (telemetry, next) => telemetry.quiet?.(next), work);
  }

  #within<T>(hook: 'around' | 'quiet', call: (telemetry: Telemetry, next: () => void) => unknown, work: () => T): T {
    const withHook = this.#withHook[hook];
    if (withHook.length === 0) return work();
    const outcome: { value?: T; failure?: { error: unknown } } = {};
    let next = (): void => {
      try {
        outcome.value = work();
      } catch (error) {
        outcome.failure = { error };
      }
    };
    for (let at = withHook.length - 1; at >= 0; at--) {
      const telemetry = withHook[at] as Telemetry;
      const inner = once(next);
      next = () => {
        this.#try(hook, () => call(telemetry, inner));
        inner(); // unless the hook has called it
      };
    }
    next();
    if (outcome.failure) throw outcome.failure.error;
    return outcome.value as T;
  }

  /** What a hook returns may be a promise, although none is awaited. Reading it may throw, too. */
  #try<R>(hook: Hook, call: () => R): R | undefined {
    try {
      const result = call();
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.#report(hook, error));
      return result;
    } catch (error) {
      this.#report(hook, error);
      return undefined;
    }
  }

  #report(hook: Hook, error: unknown): void {
    const isOfSetup = hook === 'start' || hook === 'end'; // what they know is of no delivery
    this.instrumentation.announce('telemetry-failed', {
      hook,
      error: isOfSetup ? toSingleLine(error) : errorName(error),
    });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function checked(traceparent: unknown): string | undefined {
  if (traceparent === undefined || traceparent === null) return undefined;
  if (typeof traceparent === 'string' && TRACEPARENT.test(traceparent)) return traceparent;
  throw new TypeError('A traceparent is not of the form of W3C.');
}

function once(work: () => void): () => void {
  let isBegun = false;
  return () => {
    if (isBegun) return;
    isBegun = true;
    work();
  };
}
