import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../clock.js';
import { runOutsideRequest } from '../concurrency/run-outside-request.js';
import { SETTINGS } from '../cr3dentials-webhook.tokens.js';
import type { Settings } from '../cr3dentials-webhook.options.js';
import { within } from '../deadline.js';
import { describeFailure } from '../inbox/failures.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import type { Handoff } from '../inbox/handoff.js';
import { InboxRepository } from '../inbox/inbox.repository.js';
import type { ClaimedDelivery, Lease } from '../inbox/recording.js';
import { Rescuer } from '../recovery/rescuer.js';
import { DeliveryDispatcher } from './delivery.dispatcher.js';
import { DeliverySettler } from './delivery.settler.js';
import { Hand, type Held } from './hand.js';
import { LeaseKeeper } from './lease.keeper.js';
import { RecentCount } from './recent-count.js';
import { VerificationHandlers } from './verification-handlers.explorer.js';

const MAX_CLAIM = 500;
/** For how many milliseconds handlers are begun, one after the other, before others have the thread. */
const TURN = 5;
/** How long a shutdown waits for the database once nothing runs any more. */
const LAST_WRITES = 5_000;

/**
 * Takes deliveries in hand and sees each to its end: those this instance has just recorded, those that are due, and
 * those that other workers left behind.
 */
@Injectable()
export class DeliveryWorker implements Handoff {
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private readonly hand = new Hand();
  private readonly finished: RecentCount;
  private readonly processing = new Set<Promise<void>>();
  private queue: Held[] = [];
  private reserved = 0;
  private running = 0;
  private isOpen = false;
  private hasMore = false;
  private isTimeToRescue = false;
  private looking?: Promise<void>;
  private starting?: NodeJS.Immediate;
  private turnEndsAt = 0;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly repository: InboxRepository,
    private readonly runs: HandlerRunRepository,
    private readonly rescuer: Rescuer,
    private readonly dispatcher: DeliveryDispatcher,
    private readonly settler: DeliverySettler,
    private readonly keeper: LeaseKeeper,
    private readonly handlers: VerificationHandlers,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    this.finished = new RecentCount(clock);
  }

  open(): void {
    this.isOpen = this.settings.processing.enabled;
    runOutsideRequest(() => {
      this.keeper.keep(this.hand); // on a receive-only instance too: it measures the database's clock
      if (this.isOpen) this.poll();
    });
  }

  reserve(wanted: number): { room: number; lease: Lease } {
    const room = Math.min(wanted, this.room());
    this.reserved += room;
    return { room, lease: this.keeper.lease() };
  }

  giveBack(room: number): void {
    this.reserved -= room;
  }

  take(delivery: ClaimedDelivery, lease: Lease): void {
    this.reserved--;
    if (lease.expiresAt <= this.clock.now()) return; // the insert came back so late that others may have it
    if (this.isOpen) this.enqueue(this.hand.add(delivery, lease));
    else void this.release([delivery.id]);
  }

  announce(): void {
    this.hasMore = true;
    this.lookForMore();
  }

  /** Stops claiming, returns what has not begun, lets handlers finish, and aborts and returns what is left. */
  close(): Promise<void> {
    return runOutsideRequest(() => this.shutDown()); // a request may be what closes the app
  }

  private async shutDown(): Promise<void> {
    this.isOpen = false;
    clearTimeout(this.timer);
    const released = this.releaseQueue();
    await this.patiently(this.settings.processing.drainTimeout, Promise.all(this.processing));
    this.hand.interruptAll(new Error('The application is shutting down.'));
    await this.patiently(LAST_WRITES, Promise.all([...this.processing, this.looking, released]));
    await this.releaseQueue(); // what was being claimed meanwhile
    this.keeper.stop();
  }

  /** As many as run at once, and as many more as the last second shows will be begun within the next. */
  private room(): number {
    const most = this.settings.processing.concurrency + this.finished.value;
    return this.claims ? Math.max(0, most - this.hand.size - this.reserved) : 0;
  }

  /** An instance without a handler, such as a script of the host, leaves all deliveries to others. */
  private get claims(): boolean {
    return this.isOpen && !this.handlers.isEmpty;
  }

  private lookForMore(): void {
    if (this.hasMore && this.room() > 0) this.look();
  }

  private poll(): void {
    this.isTimeToRescue = true;
    this.look();
    this.timer = setTimeout(() => this.poll(), this.settings.poll.interval);
  }

  /** One look at a time: what comes meanwhile is left to the next poll, or to the next that is known to find more. */
  private look(): void {
    if (!this.claims || this.looking) return;
    this.looking = this.claim()
      .catch((error: unknown) => this.logger.warn(`Deliveries could not be claimed: ${describeFailure(error)}`))
      .finally(() => {
        this.looking = undefined;
        this.lookForMore();
      });
  }

  private async claim(): Promise<void> {
    this.hasMore = false;
    const lease = this.keeper.lease();
    if (this.isTimeToRescue) {
      this.isTimeToRescue = false;
      await this.begin(await this.rescuer.rescue(this.hand, lease, Math.min(MAX_CLAIM, this.room())), lease);
    }
    const limit = Math.min(MAX_CLAIM, this.room());
    const due = limit > 0 ? await this.repository.claim(lease, this.clock.now(), limit, this.handlers.byStatus) : [];
    this.hasMore ||= due.length === limit;
    await this.begin(due, lease);
  }

  private async begin(claimed: readonly ClaimedDelivery[], lease: Lease): Promise<void> {
    const remembered = await this.runs.of(claimed.filter(hasBegunBefore).map(({ id }) => id));
    for (const delivery of claimed) this.enqueue(this.hand.add(delivery, lease, remembered.get(delivery.id)));
  }

  private enqueue(held: Held | undefined): void {
    if (!held) return;
    this.queue.push(held);
    this.startSoon();
  }

  /** In the next turn of the event loop: handlers may keep the thread, and answers and claims are to go out before. */
  private startSoon(): void {
    this.starting ??= setImmediate(() => {
      this.starting = undefined;
      this.turnEndsAt = performance.now() + TURN;
      this.startNext();
    });
  }

  private startNext(): void {
    while (this.isOpen && this.running < this.settings.processing.concurrency) {
      const held = this.queue.shift();
      if (!held) return;
      if (!this.hand.has(held)) continue; // its lease was lost while it waited
      const processing = this.process(held).finally(() => this.processing.delete(processing));
      this.processing.add(processing);
      if (performance.now() > this.turnEndsAt) return this.startSoon();
    }
  }

  private async process(held: Held): Promise<void> {
    this.running++;
    const outcome = await this.dispatcher.dispatch(held.delivery, held.remembered, held.interruption);
    this.running--;
    this.finished.add();
    if (!this.starting) this.startNext();
    await this.settler.settle(held, outcome);
    this.hand.letGo(held);
    this.lookForMore();
  }

  private releaseQueue(): Promise<void> {
    const unused = this.queue.splice(0).filter((held) => this.hand.has(held));
    for (const held of unused) this.hand.letGo(held);
    return this.release(unused.map(({ delivery }) => delivery.id));
  }

  /** What cannot be returned is taken over once its lease has run out. */
  private async release(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.patiently(LAST_WRITES, this.settler.release(ids));
  }

  /** Waits, but not for a database that does not answer. */
  private async patiently(milliseconds: number, work: Promise<unknown> | undefined): Promise<void> {
    await within(milliseconds, Promise.resolve(work), () => new Error('late')).catch(() => {});
  }
}

/** Whether something may be remembered of its handlers. */
function hasBegunBefore({ attempts, replays }: ClaimedDelivery): boolean {
  return attempts > 1 || replays > 0;
}
