import type { Logger } from '@nestjs/common';
import type { Instrumentation } from './instrumentation.js';
import { numberOf } from './number-of.js';
import { throttleKeyOf, RepeatedLines } from './repeated.lines.js';

const MINUTE_MS = 60_000;

/** Writes the log lines of code that listens to the module and fails. */
export class SubscriberLog {
  private readonly lines = new RepeatedLines(MINUTE_MS);

  constructor(private readonly logger: Logger) {}

  subscribeTo(instrumentation: Instrumentation): void {
    instrumentation.subscribe('stopped', () => this.lines.flush());
    instrumentation.subscribe('telemetry-failed', ({ hook, error }) =>
      this.lines.count(hook, throttleKeyOf(error), (count) =>
        this.logger.error(
          `The hook "${hook}" of "telemetry" failed ${numberOf(count, 'time')}, and the work went on without it: ${error}`,
        ),
      ),
    );
    instrumentation.subscribe('subscriber-failed', ({ occurrence, error }) =>
      this.logger.error(`A subscriber of the occurrence "${occurrence}" threw: ${error}`),
    );
  }
}
