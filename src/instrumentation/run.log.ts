import type { LoggerService } from '@nestjs/common';
import type { InternalOccurrences } from './internal.occurrences.js';
import { numberOf, numberOfDeliveries } from './number-of.js';
import { throttleKeyOf, RepeatedLines } from './repeated.lines.js';

const MINUTE_MS = 60_000;

/**
 * Writes the log lines of handlers that fail. One cause may fail thousands of deliveries: the first is told at once,
 * the others once a minute.
 */
export class RunLog {
  private readonly lines = new RepeatedLines(MINUTE_MS);

  constructor(private readonly logger: LoggerService) {}

  /** Writes what has been held back. */
  flush(): void {
    this.lines.flush();
  }

  attemptEnded({ handler, outcome, error = '', ...run }: InternalOccurrences['attempt-ended']): void {
    if (outcome === 'completed') return;
    const { deliveryId, attempt, maxAttempts, nextIn } = run;
    const first = `Handler "${handler}" of delivery ${deliveryId} (attempt ${attempt}${maxAttempts ? ` of ${maxAttempts}` : ''})`;
    const group = `${outcome}\0${handler}`;
    const cause = throttleKeyOf(error);
    if (outcome === 'dead')
      this.lines.pass(
        group,
        cause,
        () => this.logger.error(`${first} failed and will not be retried. Replay it with inbox.replay(): ${error}`),
        (count) =>
          this.logger.error(
            `Handler "${handler}" failed ${numberOf(count, 'time')} more in the last minute and will not be retried, the last time for delivery ${deliveryId}. Replay all with inbox.replayAll(): ${error}`,
          ),
      );
    else
      this.lines.pass(
        group,
        cause,
        () => this.logger.warn(`${first} ${outcome}, next attempt in ${nextIn} ms: ${error}`),
        (count) =>
          this.logger.warn(
            `Handler "${handler}" ${outcome} ${numberOf(count, 'time')} more in the last minute and will be retried, the last time for delivery ${deliveryId}: ${error}`,
          ),
      );
  }

  poisoned({ handler, deliveryId }: InternalOccurrences['run-poisoned']): void {
    this.logger.error(`The run of "${handler}" for delivery ${deliveryId} is dead after three crashes of its worker.`);
  }

  dispatchFailed({ deliveryId, nextIn, error }: InternalOccurrences['dispatch-failed']): void {
    this.lines.pass(
      'dispatch',
      throttleKeyOf(error),
      () => this.logger.error(`Could not dispatch delivery ${deliveryId}, will retry in ${nextIn} ms: ${error}`),
      (count) =>
        this.logger.error(
          `Could not dispatch ${numberOfDeliveries(count)} more in the last minute, the last one ${deliveryId}; will retry: ${error}`,
        ),
    );
  }
}
