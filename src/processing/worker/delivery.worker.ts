import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { runOutsideRequest } from '../../concurrency/run-outside-request.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { withTimeout } from '../../concurrency/with-timeout.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import { HandlerRunRepository } from '../../inbox/handler-run.repository.js';
import type { DeliveryHandoff } from '../../inbox/delivery.handoff.js';
import { DeliveryRepository } from '../../inbox/delivery.repository.js';
import type { ClaimedDelivery, Lease } from '../../inbox/delivery.factory.js';
import { DeliveryRescuer } from './delivery.rescuer.js';
import { DeliveryDispatcher } from '../dispatch/delivery.dispatcher.js';
import { DeliverySettler } from '../dispatch/delivery.settler.js';
import { InFlightDeliveries, type Claim } from './in-flight.deliveries.js';
import { LeaseRenewer } from './lease.renewer.js';
import { ThroughputMeter } from './throughput.meter.js';
import { VerificationHandlers } from '../handlers/verification-handlers.explorer.js';

const MAX_CLAIM_ROWS = 500;
/** For how many milliseconds handlers are begun, one after the other, before others have the thread. */
const TIME_SLICE_MS = 5;
/** How long a shutdown waits for the database once nothing runs any more. */
const FLUSH_TIMEOUT_MS = 5_000;

/**
 * Takes deliveries in hand and sees each to its end: those this instance has just recorded, those that are due, and
 * those that other workers left behind.
 */
@Injectable()
export class DeliveryWorker implements DeliveryHandoff {
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private readonly inFlight = new InFlightDeliveries();
  private readonly throughput: ThroughputMeter;
  private readonly processing = new Set<Promise<void>>();
  private queue: Claim[] = [];
  private reserved = 0;
  private activeCount = 0;
  private isRunning = false;
  private hasMore = false;
  private isRescueDue = false;
  private polling?: Promise<void>;
  private scheduledDrain?: NodeJS.Immediate;
  private sliceEndsAt = 0;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly repository: DeliveryRepository,
    private readonly runs: HandlerRunRepository,
    private readonly rescuer: DeliveryRescuer,
    private readonly dispatcher: DeliveryDispatcher,
    private readonly settler: DeliverySettler,
    private readonly renewer: LeaseRenewer,
    private readonly handlers: VerificationHandlers,
    private readonly clock: Clock,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {
    this.throughput = new ThroughputMeter(clock);
  }

  start(): void {
    this.isRunning = this.settings.enabled;
    runOutsideRequest(() => {
      this.renewer.start(this.inFlight); // on a receive-only instance too: it measures the database's clock
      if (this.isRunning) this.tick();
    });
  }

  reserve(wanted: number): { capacity: number; lease: Lease } {
    const capacity = Math.min(wanted, this.capacity());
    this.reserved += capacity;
    return { capacity, lease: this.renewer.newLease() };
  }

  release(capacity: number): void {
    this.reserved -= capacity;
  }

  submit(delivery: ClaimedDelivery, lease: Lease): void {
    this.reserved--;
    if (lease.expiresAt <= this.clock.now()) return; // the insert came back so late that others may have it
    if (this.isRunning) this.enqueue(this.inFlight.add(delivery, lease));
    else void this.returnClaims([delivery.id]);
  }

  notify(): void {
    this.hasMore = true;
    this.fetchMore();
  }

  /** Stops claiming, returns what has not begun, lets handlers finish, and aborts and returns what is left. */
  stop(): Promise<void> {
    return runOutsideRequest(() => this.shutDown()); // a request may be what closes the app
  }

  private async shutDown(): Promise<void> {
    this.isRunning = false;
    clearTimeout(this.timer);
    const released = this.returnQueue();
    await this.waitAtMost(this.settings.drainTimeout, Promise.all(this.processing));
    this.inFlight.cancelAll(new Error('The application is shutting down.'));
    await this.waitAtMost(FLUSH_TIMEOUT_MS, Promise.all([...this.processing, this.polling, released]));
    await this.returnQueue(); // what was being claimed meanwhile
    this.renewer.stop();
  }

  /** As many as run at once, and as many more as the last second shows will be begun within the next. */
  private capacity(): number {
    const most = this.settings.concurrency + this.throughput.value;
    return this.claims ? Math.max(0, most - this.inFlight.size - this.reserved) : 0;
  }

  /** An instance without a handler, such as a script of the host, leaves all deliveries to others. */
  private get claims(): boolean {
    return this.isRunning && !this.handlers.isEmpty;
  }

  private fetchMore(): void {
    if (this.hasMore && this.capacity() > 0) this.poll();
  }

  private tick(): void {
    this.isRescueDue = true;
    this.poll();
    this.timer = setTimeout(() => this.tick(), this.settings.pollInterval);
  }

  /** One look at a time: what comes meanwhile is left to the next poll, or to the next that is known to find more. */
  private poll(): void {
    if (!this.claims || this.polling) return;
    this.polling = this.claim()
      .catch((error: unknown) => this.logger.warn(`Deliveries could not be claimed: ${formatDatabaseError(error)}`))
      .finally(() => {
        this.polling = undefined;
        this.fetchMore();
      });
  }

  private async claim(): Promise<void> {
    this.hasMore = false;
    const lease = this.renewer.newLease();
    if (this.isRescueDue) {
      this.isRescueDue = false;
      await this.admit(
        await this.rescuer.rescue(this.inFlight, lease, Math.min(MAX_CLAIM_ROWS, this.capacity())),
        lease,
      );
    }
    const limit = Math.min(MAX_CLAIM_ROWS, this.capacity());
    const due = limit > 0 ? await this.repository.claim(lease, this.clock.now(), limit, this.handlers.byStatus) : [];
    this.hasMore ||= due.length === limit;
    await this.admit(due, lease);
  }

  private async admit(claimed: readonly ClaimedDelivery[], lease: Lease): Promise<void> {
    const previousRuns = await this.runs.findByDeliveries(claimed.filter(hasBegunBefore).map(({ id }) => id));
    for (const delivery of claimed) this.enqueue(this.inFlight.add(delivery, lease, previousRuns.get(delivery.id)));
  }

  private enqueue(claim: Claim | undefined): void {
    if (!claim) return;
    this.queue.push(claim);
    this.scheduleDrain();
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
    while (this.isRunning && this.activeCount < this.settings.concurrency) {
      const claim = this.queue.shift();
      if (!claim) return;
      if (!this.inFlight.has(claim)) continue; // its lease was lost while it waited
      const processing = this.process(claim).finally(() => this.processing.delete(processing));
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
    await this.settler.settle(claim, outcome);
    this.inFlight.remove(claim);
    this.fetchMore();
  }

  private returnQueue(): Promise<void> {
    const unused = this.queue.splice(0).filter((claim) => this.inFlight.has(claim));
    for (const claim of unused) this.inFlight.remove(claim);
    return this.returnClaims(unused.map(({ delivery }) => delivery.id));
  }

  /** What cannot be returned is taken over once its lease has run out. */
  private async returnClaims(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.waitAtMost(FLUSH_TIMEOUT_MS, this.settler.release(ids));
  }

  /** Waits, but not for a database that does not answer. */
  private async waitAtMost(milliseconds: number, work: Promise<unknown> | undefined): Promise<void> {
    await withTimeout(milliseconds, Promise.resolve(work), () => new Error('late')).catch(() => {});
  }
}

/** Whether something may be remembered of its handlers. */
function hasBegunBefore({ attempts, replays }: ClaimedDelivery): boolean {
  return attempts > 1 || replays > 0;
}
