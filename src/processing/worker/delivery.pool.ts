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

/** For how many milliseconds handlers are begun, one after the other, before others have the thread. */
const TIME_SLICE_MS = 5;
/** How long returning claims waits for the database. */
const RETURN_TIMEOUT_MS = 5_000;

/** Sees every claim of this worker to its end: so many run at once, the others wait in order. */
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

  /** Begins with nothing any more. What is added later waits to be returned. */
  close(): void {
    this.isOpen = false;
  }

  /** An instance without a handler, such as a script of the host, leaves all deliveries to others. */
  get isAccepting(): boolean {
    return this.isOpen && !this.handlers.isEmpty;
  }

  /** As many as run at once, and as many more as the last second shows will be begun within the next. */
  get capacity(): number {
    const most = this.settings.concurrency + this.throughput.value;
    return this.isAccepting ? Math.max(0, most - this.inFlight.size - this.reserved) : 0;
  }

  /** Calls whenever a delivery has left the pool. */
  onDeparture(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Returns how many of the wanted places there are; each is either used by `submit()` or released. */
  reserve(wanted: number): number {
    const reserved = Math.min(wanted, this.capacity);
    this.reserved += reserved;
    return reserved;
  }

  release(places: number): void {
    this.reserved -= places;
  }

  /** Uses a reserved place. */
  submit(delivery: ClaimedDelivery, lease: Lease): void {
    this.reserved--;
    if (lease.expiresAt <= this.clock.now()) return; // the insert came back so late that others may have it
    if (this.isOpen) this.add(delivery, lease);
    else void this.returnClaims([delivery.id]);
  }

  add(delivery: ClaimedDelivery, lease: Lease, previousRuns?: readonly HandlerRun[]): void {
    const claim = this.inFlight.add(delivery, lease, previousRuns);
    if (!claim) return;
    this.queue.push(claim);
    this.scheduleDrain();
  }

  /** Resolves when everything that runs now has come to its end. */
  async settled(): Promise<void> {
    await Promise.all(this.processing);
  }

  cancelAll(reason: Error): void {
    this.inFlight.cancelAll(reason);
  }

  /** Returns what has not begun to the inbox, for any worker to claim. */
  returnQueue(): Promise<void> {
    const unused = this.queue.splice(0).filter((claim) => this.inFlight.has(claim));
    for (const claim of unused) this.inFlight.remove(claim);
    return this.returnClaims(unused.map(({ delivery }) => delivery.id));
  }

  /** What cannot be returned is taken over once its lease has run out. */
  private async returnClaims(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await waitAtMost(this.settler.release(ids), RETURN_TIMEOUT_MS);
  }

  /** In the next turn of the event loop: handlers may keep the thread, and answers and claims are to go out before. */
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
