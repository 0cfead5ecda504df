import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { runOutsideRequest } from '../../concurrency/run-outside-request.js';
import { waitAtMost } from '../../concurrency/with-timeout.js';
import { NotificationChannel } from '../../database/notification.channel.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { ShutdownState } from '../shutdown.state.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import { HandlerSetRepository } from '../../inbox/handler-set.repository.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
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
    private readonly shutdown: ShutdownState,
    private readonly identity: WorkerIdentity,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly handlerSets: HandlerSetRepository,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {}

  /** Does nothing once a shutdown has begun: the event emitter may have been awaited until then. */
  start(): void {
    if (this.shutdown.hasBegun) return;
    runOutsideRequest(() => {
      this.renewer.start(); // on a receive-only instance as well, because it measures the database's clock
      if (this.settings.enabled) void this.open();
    });
  }

  private async open(): Promise<void> {
    await this.identify();
    if (this.shutdown.hasBegun) return;
    this.pool.open();
    this.poller.start();
    this.channel.listen(() => this.poller.notify());
  }

  /**
   * Records the handlers of this worker, and has claims tell them from then on: whoever rescues a delivery from it looks
   * up which ones it has to reach. Call it when they have changed.
   */
  async identify(): Promise<void> {
    while (this.settings.enabled && !this.shutdown.hasBegun) {
      const { fingerprint, byStatus } = this.handlers;
      if (this.identity.handlers === fingerprint) return;
      try {
        await this.handlerSets.record(fingerprint, byStatus);
        this.identity.handlers = fingerprint;
      } catch (error) {
        const failure = { operation: 'identify', count: 0, error: formatDatabaseError(error) } as const;
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
    return runOutsideRequest(() => this.shutDown()); // a request may close the app
  }

  /** Resolves when nothing of this worker is being written any more. */
  returned(): Promise<void> {
    return this.pool.returned();
  }

  private async shutDown(): Promise<void> {
    this.shutdown.hasBegun = true;
    this.pool.close();
    this.poller.stop();
    const returned = this.pool.returnQueue();
    await waitAtMost(this.pool.settled(), this.settings.drainTimeout);
    this.pool.cancelAll(new Error('The application is shutting down.'));
    await waitAtMost(Promise.all([this.pool.settled(), this.poller.settled(), returned]), FLUSH_TIMEOUT_MS);
    await this.pool.returnQueue(); // a poll may have claimed more in the meantime
    this.renewer.stop();
  }
}
