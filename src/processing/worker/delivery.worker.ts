import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitAtMost } from '../../concurrency/with-timeout.js';
import { NotificationChannel } from '../../database/notification.channel.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { ShutdownState } from '../shutdown.state.js';
import { toOccurrenceError } from '../../database/database.errors.js';
import { LimitedHandlers } from '../dispatch/limited.handlers.js';
import { HandlerTransactionQueue } from '../dispatch/handler-transaction.queue.js';
import { HandlerSetRepository, type HandlersByStatus } from '../../inbox/handler-set.repository.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../../instrumentation/telemetry.hooks.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';
import { WorkerIdentity } from '../worker.identity.js';
import { DeliveryPoller } from './delivery.poller.js';
import { DeliveryPool } from './delivery.pool.js';
import { LeaseRenewer } from './lease.renewer.js';

/** Time that a shutdown waits for the last writes after the handlers have ended. */
const FLUSH_TIMEOUT_MS = 5_000;

/** Starts and stops the parts of processing on this instance in their order. */
@Injectable()
export class DeliveryWorker {
  constructor(
    private readonly pool: DeliveryPool,
    private readonly poller: DeliveryPoller,
    private readonly renewer: LeaseRenewer,
    private readonly channel: NotificationChannel,
    private readonly limited: LimitedHandlers,
    private readonly transactions: HandlerTransactionQueue,
    private readonly shutdown: ShutdownState,
    private readonly identity: WorkerIdentity,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly handlerSets: HandlerSetRepository,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {}

  /** Does nothing once a shutdown has begun: the event emitter may have been awaited until then. */
  start(): void {
    if (this.shutdown.hasBegun) return;
    const { enabled } = this.settings;
    this.telemetry.inBackground(() => {
      this.recordHandlers();
      if (enabled) this.pool.open();
      this.renewer.start(); // on a receive-only instance as well, because it measures the database's clock
      if (!enabled) return;
      this.poller.start();
      this.channel.listen(() => this.poller.notify());
    });
  }

  /**
   * Puts the handlers of this worker into its claims, and records these: whoever rescues a delivery from it looks up
   * which ones it has to reach. Call it when they have changed.
   */
  recordHandlers(): void {
    const { fingerprint, byStatus } = this.handlers;
    if (!this.settings.enabled || this.identity.handlers === fingerprint) return;
    this.identity.handlers = fingerprint;
    this.telemetry.inBackground(() => void this.record(fingerprint, byStatus)); // a request may load a module
  }

  private async record(fingerprint: string, handlers: HandlersByStatus): Promise<void> {
    while (!this.shutdown.hasBegun && this.identity.handlers === fingerprint) {
      try {
        return await this.handlerSets.record(fingerprint, handlers);
      } catch (error) {
        const failure = { operation: 'record-handlers', count: 0, error: toOccurrenceError(error) } as const;
        this.instrumentation.announce('database-unavailable', failure);
        await sleep(this.settings.pollInterval, undefined, { ref: false });
      }
    }
  }

  /**
   * Stops claiming, returns claims that have not been started, and waits for handlers until `drainTimeout`. Aborts the
   * others. What fails from now on was interrupted.
   */
  stop(): Promise<void> {
    return this.telemetry.inBackground(() => this.shutDown()); // a request may close the app
  }

  /** Resolves when nothing of this worker is being written any more. */
  whenReleased(): Promise<void> {
    return this.pool.whenReleased();
  }

  private async shutDown(): Promise<void> {
    this.shutdown.hasBegun = true;
    this.instrumentation.announce('draining', { inFlight: this.pool.inFlightCount });
    this.pool.close();
    this.poller.stop();
    this.limited.stop();
    this.transactions.stop();
    const returned = this.pool.releaseWaiting();
    await waitAtMost(this.pool.whenIdle(), this.settings.drainTimeout);
    this.pool.cancelAll(new Error('The app is shutting down.'));
    await waitAtMost(Promise.all([this.pool.whenIdle(), this.poller.whenIdle(), returned]), FLUSH_TIMEOUT_MS);
    await this.pool.releaseWaiting(); // a poll may have claimed more in the meantime
    this.renewer.stop();
  }
}
