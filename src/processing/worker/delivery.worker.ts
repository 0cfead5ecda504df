import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { runOutsideRequest } from '../../concurrency/run-outside-request.js';
import { waitAtMost } from '../../concurrency/with-timeout.js';
import { NotificationChannel } from '../../database/notification.channel.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { ShutdownState } from '../shutdown.state.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import { HandlerSetRepository, type HandlersByStatus } from '../../inbox/handler-set.repository.js';
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
    const { enabled } = this.settings;
    runOutsideRequest(() => {
      this.identify();
      if (enabled) this.pool.open();
      this.renewer.start(); // on a receive-only instance as well, because it measures the database's clock
      if (!enabled) return;
      this.poller.start();
      this.channel.listen(() => this.poller.notify());
    });
  }

  /**
   * Has claims tell the handlers of this worker, and records these: whoever rescues a delivery from it looks up which
   * ones it has to reach. Call it when they have changed.
   */
  identify(): void {
    const { fingerprint, byStatus } = this.handlers;
    if (!this.settings.enabled || this.identity.handlers === fingerprint) return;
    this.identity.handlers = fingerprint;
    void this.record(fingerprint, byStatus);
  }

  private async record(fingerprint: string, handlers: HandlersByStatus): Promise<void> {
    while (!this.shutdown.hasBegun && this.identity.handlers === fingerprint) {
      try {
        return await this.handlerSets.record(fingerprint, handlers);
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
