import { Inject, Injectable } from '@nestjs/common';
import { runOutsideRequest } from '../../concurrency/run-outside-request.js';
import { Clock } from '../../clock.js';
import { waitAtMost } from '../../concurrency/with-timeout.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import type { ClaimedDelivery, Lease } from '../../inbox/delivery.factory.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import { DeliveryDispatcher } from '../dispatch/delivery.dispatcher.js';
import { DeliverySettler } from '../dispatch/delivery.settler.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';
import { InFlightDeliveries, type Claim } from './in-flight.deliveries.js';
import { ThroughputMeter } from './throughput.meter.js';

/** Time for starting handlers before the event loop gets a turn. */
const TIME_SLICE_MS = 5;
/** Maximum time for returning claims to the database. */
const RETURN_TIMEOUT_MS = 5_000;

/** Processes the claims of this worker, as many at the same time as `concurrency` allows. The others wait in order. */
@Injectable()
export class DeliveryPool {
  private readonly throughput: ThroughputMeter;
  private readonly processing = new Set<Promise<void>>();
  private readonly listeners: (() => void)[] = [];
  private queue: Claim[] = [];
  private reserved = 0;
  private activeCount = 0;
  private isOpen = false;
  private scheduledDrain?: NodeJS.Immediate;
  private sliceEndsAt = 0;

  constructor(
    private readonly inFlight: InFlightDeliveries,
    private readonly dispatcher: DeliveryDispatcher,
    private readonly settler: DeliverySettler,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly clock: Clock,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {
    this.throughput = new ThroughputMeter(clock);
  }

  open(): void {
    this.isOpen = true;
  }

  /** Stops starting deliveries. A delivery that is added later waits for `returnQueue()`. */
  close(): void {
    this.isOpen = false;
  }

  /**
   * Returns true when the pool is open and a handler is subscribed. An instance without handlers, such as a script of
   * the host, leaves all deliveries to others.
   */
  get isAccepting(): boolean {
    return this.isOpen && !this.handlers.isEmpty;
  }

  /**
   * Returns how many more deliveries may be claimed. The limit is `concurrency`, plus as many as finished during the
   * last second.
   */
  get capacity(): number {
    const most = this.settings.concurrency + this.throughput.value;
    return this.isAccepting ? Math.max(0, most - this.inFlight.size - this.reserved) : 0;
  }

  /** Registers a listener that is called whenever a delivery has left the pool. */
  onDeparture(listener: () => void): void {
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
    else void this.returnClaims([delivery.id]);
  }

  add(delivery: ClaimedDelivery, lease: Lease, previousRuns?: readonly HandlerRun[]): void {
    const claim = this.inFlight.add(delivery, lease, previousRuns);
    if (!claim) return;
    this.queue.push(claim);
    this.scheduleDrain();
  }

  /** Resolves when the deliveries that are being processed now have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.processing);
  }

  cancelAll(reason: Error): void {
    this.inFlight.cancelAll(reason);
  }

  /** Returns the claims that have not been started, so that any worker can claim their deliveries. */
  returnQueue(): Promise<void> {
    const unused = this.queue.splice(0).filter((claim) => this.inFlight.has(claim));
    for (const claim of unused) this.inFlight.remove(claim);
    return this.returnClaims(unused.map(({ delivery }) => delivery.id));
  }

  /** Waits 5 s at most. A claim that could not be returned is rescued after its lease has expired. */
  private async returnClaims(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await waitAtMost(this.settler.release(ids), RETURN_TIMEOUT_MS);
  }

  /**
   * Starts deliveries in the next turn of the event loop. HTTP responses and queries go out first, because handlers may
   * block the thread.
   */
  private scheduleDrain(): void {
    this.scheduledDrain ??= setImmediate(() => {
      this.scheduledDrain = undefined;
      this.sliceEndsAt = performance.now() + TIME_SLICE_MS;
      this.drain();
    });
  }

  private drain(): void {
    while (this.isOpen && this.activeCount < this.settings.concurrency) {
      const claim = this.queue.shift();
      if (!claim) return;
      if (!this.inFlight.has(claim)) continue; // its lease was lost while it waited
      // Code of the host runs in it: what that leaves in its async context must not reach the next.
      const processing = runOutsideRequest(() => this.process(claim)).finally(() => this.processing.delete(processing));
      this.processing.add(processing);
      if (performance.now() > this.sliceEndsAt) return this.scheduleDrain();
    }
  }

  private async process(claim: Claim): Promise<void> {
    this.activeCount++;
    const outcome = await this.dispatcher.dispatch(claim.delivery, claim.previousRuns, claim.cancellation);
    this.activeCount--;
    this.throughput.add();
    if (!this.scheduledDrain) this.drain();
    await this.settler.settle(claim.delivery.id, outcome, claim.cancellation);
    this.inFlight.remove(claim);
    for (const listener of this.listeners) listener();
  }
}
