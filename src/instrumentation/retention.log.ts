import type { Logger } from '@nestjs/common';
import type { Instrumentation } from './instrumentation.js';

const HOUR_MS = 3_600_000;
/** Failures in a row from which a line is an error. */
const MAX_FAILURES = 3;

/** Writes the log lines of retention. */
export class RetentionLog {
  constructor(private readonly logger: Logger) {}

  subscribeTo(instrumentation: Instrumentation): void {
    instrumentation.subscribe('retention', (periods) => {
      const set = Object.entries(periods).flatMap(([name, ms]) => (ms === undefined ? [] : [`${name} ${inHours(ms)}`]));
      this.logger.log(`Retention of what was received: ${set.join(', ') || 'none, everything is kept'}.`);
    });
    instrumentation.subscribe('retention-failed', ({ failures, error }) => {
      if (failures < MAX_FAILURES) this.logger.warn(`Retention failed, will retry: ${error}`);
      else
        this.logger.error(
          `Retention failed ${failures} times in a row. Nothing is lost, but the inbox grows: ${error}`,
        );
    });
  }
}

function inHours(ms: number): string {
  const hours = ms / HOUR_MS;
  return hours >= 48 ? `${Math.round(hours / 24)} d` : `${Number(hours.toFixed(2))} h`;
}
