import type { LoggerService } from '@nestjs/common';
import type { Instrumentation } from './instrumentation.js';
import { LogThrottle } from './log.throttle.js';
import { numberOf } from './number-of.js';
import { RepeatedLines } from './repeated.lines.js';

const MINUTE_MS = 60_000;

/** Writes the log lines of handlers that hang, are at their limits, or have a retry function that does not answer. */
export class ExecutionLog {
  private readonly lasting = new LogThrottle(MINUTE_MS);
  private readonly lines = new RepeatedLines(MINUTE_MS);

  constructor(private readonly logger: LoggerService) {}

  subscribeTo(instrumentation: Instrumentation): void {
    instrumentation.subscribe('stopped', () => this.lines.flush());
    instrumentation.subscribe('executions-overdue', ({ count, handlers }) =>
      this.lasting.pass('overdue', () => {
        const each = [...handlers].map(([handler, number]) => `${handler} (${number})`).join(', ');
        this.logger.warn(
          `${numberOf(count, 'execution')} of handlers still running after their signal was aborted: ${each}. Let handlers end when their signal is aborted.`,
        );
      }),
    );
    this.logLimits(instrumentation);
    instrumentation.subscribe('retry-policy-failed', ({ option, problem }) =>
      this.lines.count(option, problem, (count) =>
        this.logger.error(
          `The function "${option}" ${problem} after ${numberOf(count, 'failure')}. Such a handler is retried after a minute or more, 12 attempts in all. Let it return milliseconds or 'dead'.`,
        ),
      ),
    );
  }

  private logLimits(instrumentation: Instrumentation): void {
    instrumentation.subscribe('run-held-back', ({ handler }) =>
      this.lines.count('held back', handler, (count) =>
        this.logger.warn(
          `Held back ${numberOf(count, 'run')} of the handler "${handler}", because earlier ones time out or have not ended. No attempt was used up.`,
        ),
      ),
    );
    instrumentation.subscribe('pool-exhausted', ({ waiting }) =>
      this.lasting.pass('pool', () =>
        this.logger.warn(
          `No connection of the app's pool came free for a second: ${numberOf(waiting, 'run')} of transactional handlers wait, and other handlers go on. Find what keeps its connections, or raise poolSize.`,
        ),
      ),
    );
    instrumentation.subscribe('run-postponed', ({ handler, nextIn }) =>
      this.lines.count('postponed', handler, (count) =>
        this.logger.log(
          `Postponed ${numberOf(count, 'run')} of the handler "${handler}", which is at its limits, the last one by ${nextIn} ms. No attempt was used up.`,
        ),
      ),
    );
  }
}
