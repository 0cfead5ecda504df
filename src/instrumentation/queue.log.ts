import type { LoggerService } from '@nestjs/common';
import type { Instrumentation } from './instrumentation.js';
import { numberOfDeliveries, numberOf } from './number-of.js';
import { throttleKeyOf, RepeatedLines } from './repeated.lines.js';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

/** Writes the log lines of handlers that queues run. */
export class QueueLog {
  private readonly unavailable = new RepeatedLines(SECOND_MS);
  private readonly unknown = new RepeatedLines(HOUR_MS);
  private readonly unknownRuns = new RepeatedLines(HOUR_MS);
  private readonly evicting = new RepeatedLines(HOUR_MS);

  constructor(private readonly logger: LoggerService) {}

  subscribeTo(instrumentation: Instrumentation): void {
    instrumentation.subscribe('stopped', () => {
      for (const held of [this.unavailable, this.unknown, this.unknownRuns, this.evicting]) held.flush();
    });
    instrumentation.subscribe('queue-unavailable', ({ queue, error }) =>
      this.unavailable.count(queue, throttleKeyOf(error), () =>
        this.logger.warn(`Redis does not answer for ${queue}; its runs wait in the inbox: ${error}`),
      ),
    );
    instrumentation.subscribe('queue-recovered', ({ count, why }) =>
      this.logger.log(
        `${why === 'lost' ? 'Redis has lost its data' : 'Redis answers again'}: enqueueing the runs of ${numberOfDeliveries(count)} again.`,
      ),
    );
    instrumentation.subscribe('queue-stuck', ({ queue }) =>
      this.logger.warn(
        `The worker of queue "${queue}" took no job for 60 s although jobs wait and Redis answers. Replacing it.`,
      ),
    );
    this.subscribeToSetup(instrumentation);
  }

  /** Tells what is wrong with the Redis or with the apps that share it. */
  private subscribeToSetup(instrumentation: Instrumentation): void {
    instrumentation.subscribe('queue-evicts', ({ policy }) =>
      this.evicting.count(policy, '', () =>
        this.logger.warn(
          `Redis has the maxmemory-policy "${policy}", which may remove jobs that wait; their runs begin after requeueAfter then. Set it to noeviction.`,
        ),
      ),
    );
    instrumentation.subscribe('queue-run-unknown', ({ queue }) =>
      this.unknownRuns.count(queue, '', (count) =>
        this.logger.warn(
          `${numberOf(count, 'job')} of queue "${queue}" named runs that are not in this inbox. If another inbox uses this Redis, give each a prefix of its own.`,
        ),
      ),
    );
    instrumentation.subscribe('queue-handler-unknown', ({ handler }) =>
      this.unknown.count(handler, '', (count) =>
        this.logger.warn(
          `${numberOf(count, 'job')} named the handler "${handler}", which this instance does not have. Give it a queue of its own, or start the handler here.`,
        ),
      ),
    );
  }
}
