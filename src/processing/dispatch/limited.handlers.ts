import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../clock.js';
import { Cancellation } from '../../concurrency/cancellation.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { needsPermit } from '../handlers/handler.options.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { HandlerLimiter, type Permit } from './handler.limiter.js';

/** Runs of all handlers that may wait here, in multiples of `processing.concurrency`. */
const WAITING_FACTOR = 2;

/** Goes on evenly when somebody sets the clock of the machine. */
const STEADY_CLOCK: Clock = { now: () => performance.now() };

/** Place of a delivery among those that are processed. */
export interface DeliverySlot {
  /** Leaves the place to another delivery. */
  leave(): void;
}

/** A run that may have to wait for a permit. */
export interface WaitingRun {
  readonly handler: VerificationHandler;
  /** Whether the run has a row: it has failed before, or was postponed. */
  readonly isStored: boolean;
  /** Requested when this worker loses the lease of the delivery, or stops. */
  readonly cancellation: Cancellation;
  readonly slot: DeliverySlot;
}

/**
 * Gives permits to the runs of each limited handler. A run that has none waits here for a short while: its delivery
 * leaves its slot to another. Where too many wait, runs are postponed: their deliveries wait in the inbox.
 */
@Injectable()
export class LimitedHandlers {
  readonly #limiters = new Map<string, HandlerLimiter>();
  /** The waits of all limiters. */
  readonly #waiting = new Set<Cancellation>();
  readonly #concurrency: number;
  #isStopped = false;

  constructor(
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) { concurrency }: Pick<ProcessingSettings, 'concurrency'>,
  ) {
    this.#concurrency = concurrency;
  }

  /** Cancels every wait, so that another instance can take the runs at once. */
  stop(): void {
    this.#isStopped = true;
    for (const wait of this.#waiting) wait.cancel(undefined);
  }

  /**
   * Does the work when the handler has a permit.
   *
   * @returns the milliseconds after which to try again, if it has none
   */
  async run<T>(run: WaitingRun, work: () => Promise<T>): Promise<T | number> {
    const { settings, id } = run.handler;
    if (!settings || !needsPermit(settings)) return work();
    const limiter = this.#limiters.get(id) ?? new HandlerLimiter(settings, STEADY_CLOCK);
    this.#limiters.set(id, limiter);
    const permit = limiter.enter() ?? (await this.wait(limiter, run));
    if (typeof permit === 'number') return permit;
    try {
      return await work();
    } finally {
      limiter.leave(permit);
    }
  }

  /** Resolves to the permit, or to the milliseconds after which to try again. */
  private async wait(limiter: HandlerLimiter, run: WaitingRun): Promise<Permit | number> {
    if (this.#isStopped) return 0;
    if (!this.hasCapacity(limiter, run)) return this.postpone(limiter, run.handler.id);
    const wait = new Cancellation();
    this.#waiting.add(wait);
    const cancel = (reason: unknown): void => wait.cancel(reason);
    run.cancellation.onCancel(cancel);
    run.slot.leave();
    const permit = await limiter.wait(wait);
    run.cancellation.offCancel(cancel);
    this.#waiting.delete(wait);
    return permit ?? 0;
  }

  /** A run that comes back has waited for its permit, so it may wait where a new one may not. */
  private hasCapacity(limiter: HandlerLimiter, { isStored }: WaitingRun): boolean {
    if (this.#waiting.size >= WAITING_FACTOR * this.#concurrency) return false;
    if (isStored) return limiter.length < this.#concurrency;
    return limiter.length < Math.max(1, this.#concurrency / 2) && !limiter.hasPromised;
  }

  private postpone(limiter: HandlerLimiter, handler: string): number {
    const nextIn = limiter.postpone();
    this.instrumentation.announce('run-postponed', { handler, nextIn });
    return nextIn;
  }
}
