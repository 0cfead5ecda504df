import type { LoggerService } from '@nestjs/common';
import type { InboxSignals } from './inbox.signals.js';
import { causeOf, RepeatedLines } from './repeated.lines.js';

const MINUTE_MS = 60_000;

/**
 * Writes the log lines of handlers that fail. One cause may fail thousands of deliveries: the first is told at once, the
 * others once a minute.
 */
export class RunLog {
  private readonly lines = new RepeatedLines(MINUTE_MS);

  constructor(private readonly logger: LoggerService) {}

  /** Writes what has been held back. */
  flush(): void {
    this.lines.flush();
  }

  runEnded({ handler, outcome, error = '', ...run }: InboxSignals['run-ended']): void {
    if (outcome === 'completed') return;
    const { deliveryId, attempt, maxAttempts, nextIn } = run;
    const first = `Handler "${handler}" of delivery ${deliveryId} (attempt ${attempt}${maxAttempts ? ` of ${maxAttempts}` : ''})`;
    const group = `${outcome}\0${handler}`;
    const cause = causeOf(error);
    if (outcome === 'dead')
      this.lines.pass(
        group,
        cause,
        () => this.logger.error(`${first} failed and will not be retried. Replay it with inbox.replay(): ${error}`),
        (count) =>
          this.logger.error(
            `Handler "${handler}" failed ${times(count)} more in the last minute and will not be retried, the last time for delivery ${deliveryId}. Replay all with inbox.replayAll(): ${error}`,
          ),
      );
    else
      this.lines.pass(
        group,
        cause,
        () => this.logger.warn(`${first} ${outcome}, next attempt in ${nextIn} ms: ${error}`),
        (count) =>
          this.logger.warn(
            `Handler "${handler}" ${outcome} ${times(count)} more in the last minute and will be retried, the last time for delivery ${deliveryId}: ${error}`,
          ),
      );
  }

  dispatchFailed({ deliveryId, nextIn, error }: InboxSignals['dispatch-failed']): void {
    this.lines.pass(
      'dispatch',
      causeOf(error),
      () => this.logger.error(`Could not dispatch delivery ${deliveryId}, will retry in ${nextIn} ms: ${error}`),
      (count) =>
        this.logger.error(
          `Could not dispatch ${times(count)} more in the last minute, the last time delivery ${deliveryId}, will retry: ${error}`,
        ),
    );
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
