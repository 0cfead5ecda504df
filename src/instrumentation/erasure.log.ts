import type { Logger } from '@nestjs/common';
import { numberOfDeliveries, numberOf } from './number-of.js';
import type { Instrumentation } from './instrumentation.js';

/** Writes the log lines of erasing. They say how much, and never whom. */
export class ErasureLog {
  constructor(private readonly logger: Logger) {}

  subscribeTo(instrumentation: Instrumentation): void {
    instrumentation.subscribe('erased', ({ erasureId, deliveries, rejections, interrupted, isDone, isComplete }) => {
      this.logger.log(
        `Erasure ${erasureId}: erased ${numberOfDeliveries(deliveries)}, ${interrupted} of them while handlers ran, and ${numberOf(rejections, 'rejection')}.`,
      );
      if (!isDone)
        this.logger.warn(
          `Erasure ${erasureId} is not finished: somebody has locked rows, or the app is closing. An instance will continue it.`,
        );
      if (!isComplete)
        this.logger.error(
          `Erasure ${erasureId} is not complete: a key was missing to search by the reference ("unsearchable" says which). Provide the key, and erase again.`,
        );
    });
    instrumentation.subscribe('lease-lost', ({ count, why }) => {
      if (why === 'erased') this.logger.log(`Aborted the handlers of ${numberOfDeliveries(count)}, erased meanwhile.`);
    });
    instrumentation.subscribe('outcome-erased', ({ count }) =>
      this.logger.log(`The outcome of ${numberOfDeliveries(count)}, erased while handlers ran, is not kept.`),
    );
    instrumentation.subscribe('erasure-swept', ({ erasureId, deliveries, rejections }) =>
      this.logger.log(
        `Erasure ${erasureId}: erased what was being written at the time, ${numberOfDeliveries(deliveries)} and ${numberOf(rejections, 'rejection')}.`,
      ),
    );
    instrumentation.subscribe('erasure-failed', ({ error }) =>
      this.logger.warn(`Could not continue an erasure, will retry: ${error}`),
    );
  }
}
