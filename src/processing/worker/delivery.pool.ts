import { Inject, Injectable } from '@nestjs/common';
import { setImmediate } from 'node:timers';
import { Clock } from '../../clock.js';
import { waitAtMost } from '../../concurrency/with-timeout.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import type { ClaimedDelivery, ClaimKey, Lease } from '../../inbox/claimed-delivery.js';
import type { ClaimOrigin } from '../dispatch/claim.origin.js';
import { DeliveryDispatcher } from '../dispatch/delivery.dispatcher.js';
import { DeliverySettler } from '../dispatch/delivery.settler.js';
import { LiveExecutions } from '../dispatch/live.executions.js';
import { ProgressAnnouncer } from '../dispatch/progress.announcer.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';
import { InFlightDeliveries, type Claim } from './in-flight.deliveries.js';
import { ProcessingSlots } from './processing.slots.js';
import { ThroughputMeter } from './throughput.meter.js';

/** Time for starting handlers before the event loop gets a turn. */
const TIME_SLICE_MS = 5;
/** Share of `handlerTimeout` after which a delivery leaves its slot to another. */
const OVERFLOW_SHARE = 1 / 6;
const MIN_OVERFLOW_MS = 1_000;
/** Time between two looks at what hangs. */
const WATCH_MS = 1_000;
/** The queue may hold what is processed in this share of a lease, and in a second at most. */
const WAITING_SHARE_OF_LEASE = 1 / 10;
/** Maximum time for returning claims to the database. */
const RETURN_TIMEOUT_MS = 5_000;

/**
 * Processes the claims of this worker, as many at the same time as `concurrency` allows. The others wait in order.
 * Deliveries that hang leave their slots to others.
 */
@Injectable()
export class DeliveryPool {
  private readonly throughput: ThroughputMeter;
  private readonly slots: ProcessingSlots;
  /** The claims that are being processed, each with its end. */
  private readonly processing = new Map<Claim, Promise<void>>();
  private readonly returning = new Set<Promise<void>>();
  private readonly listeners: ((claim?: Claim) => void)[] = [];
  private waiting: Claim[] = [];
  private reserved = 0;
  private isOpen = false;
  private scheduledStart?: NodeJS.Immediate;
  private watch?: NodeJS.Timeout;
  private sliceEndsAt = 0;

  constructor(
    private readonly inFlight: InFlightDeliveries,
    private readonly dispatcher: DeliveryDispatcher,
    private readonly settler: DeliverySettler,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly executions: LiveExecutions,
    private readonly clock: Clock,
    private readonly progress: ProgressAnnouncer,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {
    this.throughput = new ThroughputMeter(clock);
    this.slots = new ProcessingSlots(settings.concurrency, executions, () => this.fillSlots());
    executions.onEnd(() => this.scheduleStart());
  }

  open(): void {
    this.isOpen = true;
    this.watch = setInterval(() => this.watchHanging(), WATCH_MS);
  }

  /** Stops starting deliveries. A delivery that is added later waits for `releaseWaiting()`. */
  close(): void {
    this.isOpen = false;
    clearInterval(this.watch);
  }

  /**
   * Returns true when the pool is open and a handler is subscribed. An instance without handlers, such as a script of
   * the host, leaves all deliveries to others.
   */
  get isAccepting(): boolean {
    return this.isOpen && !this.handlers.isEmpty;
  }

  /**
   * Returns how many more deliveries may be claimed: for the free slots, and as many for the queue as are processed in
   * a tenth of a lease, or in a second if that is shorter. Deliveries in the overflow do not count.
   */
  get capacity(): number {
    const most = this.slots.usable + this.waitingLimit + this.slots.overflow;
    return this.isAccepting ? Math.max(0, most - this.inFlight.size - this.reserved) : 0;
  }

  /** Number of deliveries from their claim until their outcome is durable. */
  get inFlightCount(): number {
    return this.inFlight.size;
  }

  private get waitingLimit(): number {
    const seconds = Math.min(1, (this.settings.lease * WAITING_SHARE_OF_LEASE) / 1_000);
    return Math.floor(this.throughput.value * seconds);
  }

  /**
   * Registers a listener that is called whenever there may be more capacity, with the claim that has ended, if one has.
   */
  onCapacity(listener: (claim?: Claim) => void): void {
    this.listeners.push(listener);
  }

  /** Reserves places, and returns how many. Pass each to `submit()` or to `release()`. */
  reserve(wanted: number): number {
    const reserved = Math.min(wanted, this.capacity);
    this.reserved += reserved;
    return reserved;
  }

  release(places: number): void {
    this.reserved -= places;
  }

  /**
   * Adds a recorded delivery in a reserved place. Ignores it when its lease has expired: another worker can rescue it.
   */
  submit(delivery: ClaimedDelivery, lease: Lease): void {
    this.reserved--;
    if (lease.expiresAt <= this.clock.now()) return; // the insert took so long that another worker may have rescued it
    if (this.isOpen) this.add(delivery, lease);
    else this.releaseLate({ id: delivery.id, claimId: lease.claimId });
  }

  /**
   * Takes the last claims out of the queue when handlers have become slow, so that another worker can have them.
   * Returns them, this many at most.
   */
  takeExcess(limit: number): Claim[] {
    const { waitingLimit } = this;
    if (this.waiting.length <= 2 * waitingLimit) return [];
    const most = this.slots.usable + waitingLimit + this.slots.overflow;
    const excess = Math.min(this.waiting.length, Math.max(0, this.inFlight.size - most), limit);
    return this.removeUnused(this.waiting.splice(this.waiting.length - excess));
  }

  /** Adds a claimed delivery. Returns false if an earlier claim of it is still in flight. */
  add(delivery: ClaimedDelivery, lease: Lease, origin?: ClaimOrigin): boolean {
    const claim = this.inFlight.add(delivery, lease, origin);
    if (!claim) return false;
    this.waiting.push(claim);
    this.scheduleStart();
    return true;
  }

  /** Resolves when the deliveries that are being processed now have ended. */
  async whenIdle(): Promise<void> {
    await Promise.all(this.processing.values());
  }

  cancelAll(reason: Error): void {
    this.inFlight.cancelAll(reason);
  }

  /** Returns the claims that have not been started, so that any worker can claim their deliveries. */
  releaseWaiting(): Promise<void> {
    return this.releaseClaims(this.removeUnused(this.waiting.splice(0)));
  }

  private removeUnused(claims: readonly Claim[]): Claim[] {
    const unused = claims.filter((claim) => this.inFlight.has(claim));
    for (const claim of unused) this.inFlight.remove(claim);
    return unused;
  }

  /** Resolves when the claims that came after `close()` have been returned. */
  async whenReleased(): Promise<void> {
    await Promise.all(this.returning);
  }

  private releaseLate(claim: ClaimKey): void {
    const returning = this.releaseClaims([claim]).finally(() => this.returning.delete(returning));
    this.returning.add(returning);
  }

  /** Waits 5 s at most. A claim that could not be returned is rescued after its lease has expired. */
  private async releaseClaims(claims: readonly ClaimKey[]): Promise<void> {
    if (claims.length > 0) await waitAtMost(this.settler.release(claims), RETURN_TIMEOUT_MS);
  }

  /**
   * Starts deliveries in the next turn of the event loop. HTTP responses and queries go out first, because handlers may
   * block the thread.
   */
  private scheduleStart(): void {
    this.scheduledStart ??= setImmediate(() => {
      this.scheduledStart = undefined;
      this.sliceEndsAt = performance.now() + TIME_SLICE_MS;
      this.startWaiting();
    });
  }

  /** Moves hanging deliveries to the overflow, and starts others in their place. */
  private watchHanging(): void {
    this.executions.announceOverdue();
    const hasChanged = this.slots.moveToOverflow(
      Math.max(MIN_OVERFLOW_MS, this.settings.handlerTimeout * OVERFLOW_SHARE),
    );
    if (hasChanged) this.fillSlots();
  }

  private fillSlots(): void {
    this.scheduleStart();
    this.announceCapacity();
  }

  private startWaiting(): void {
    while (this.isOpen && this.slots.free > 0) {
      const claim = this.waiting.shift();
      if (!claim) return;
      if (!this.inFlight.has(claim)) continue; // its lease was lost while it waited
      this.processing.set(claim, this.process(claim));
      if (performance.now() > this.sliceEndsAt) return this.scheduleStart();
    }
  }

  private async process(claim: Claim): Promise<void> {
    const slot = this.slots.take();
    this.progress.begun(claim);
    const outcome = await this.dispatcher.dispatch(claim.delivery, claim.origin, claim.cancellation, slot);
    this.slots.release(slot);
    this.throughput.add();
    if (!this.scheduledStart) this.startWaiting();
    const isSettled = await this.settler.settle(claim, outcome, claim.cancellation);
    if (isSettled) this.progress.settled(claim, outcome);
    this.inFlight.remove(claim);
    this.processing.delete(claim);
    this.announceCapacity(claim);
  }

  private announceCapacity(claim?: Claim): void {
    for (const listener of this.listeners) listener(claim);
  }
}
