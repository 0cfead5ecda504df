import { Inject, Injectable } from '@nestjs/common';
import { runOutsideRequest } from '../../concurrency/run-outside-request.js';
import { waitAtMost } from '../../concurrency/with-timeout.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
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
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {}

  start(): void {
    const { enabled } = this.settings;
    if (enabled) this.pool.open();
    runOutsideRequest(() => {
      this.renewer.start(); // on a receive-only instance as well, because it measures the database's clock
      if (enabled) this.poller.start();
    });
  }

  /**
   * Stops claiming, returns claims that have not been started, and waits for handlers until `drainTimeout`. Aborts the
   * others.
   */
  stop(): Promise<void> {
    return runOutsideRequest(() => this.shutDown()); // a request may close the app
  }

  private async shutDown(): Promise<void> {
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
