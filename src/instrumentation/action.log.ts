import type { Logger } from '@nestjs/common';
import type { InternalOccurrences } from './internal.occurrences.js';
import type { Instrumentation } from './instrumentation.js';
import { numberOf, numberOfDeliveries } from './number-of.js';
import { toSingleLine } from './single-line.js';

type Act = InternalOccurrences['acted'];

const WORDS: Readonly<Record<Act['action'], readonly [verb: string, target: string]>> = {
  replay: ['replayed', 'delivery'],
  discard: ['discarded', 'delivery'],
  'accept-rejection': ['accepted', 'rejection'],
  'discard-rejection': ['discarded', 'rejection'],
  'bulk-start': ['started', 'bulk operation'],
  'bulk-pause': ['paused', 'bulk operation'],
  'bulk-resume': ['resumed', 'bulk operation'],
  'bulk-cancel': ['cancelled', 'bulk operation'],
  reveal: ['revealed the contents of', ''],
  'reveal-refused': ['was refused to reveal the contents of', ''],
};

/** Writes the log lines of acts of operators, of bulk operations, and of instances that cannot report. */
export class ActionLog {
  constructor(private readonly logger: Logger) {}

  subscribeTo(instrumentation: Instrumentation): void {
    instrumentation.subscribe('acted', ({ operator, source, ...act }) =>
      this.logger.log(`Operator action (${source}) by ${toSingleLine(operator ?? 'somebody')}: ${sentenceOf(act)}.`),
    );
    instrumentation.subscribe('action-callback-failed', ({ error }) =>
      this.logger.error(`onAction failed: ${error}. What was done stays done.`),
    );
    instrumentation.subscribe('bulk-paused', ({ bulkId, replayed, deadAgain }) =>
      this.logger.warn(
        `Bulk operation ${bulkId} paused by itself: ${deadAgain} of ${numberOf(replayed, 'replayed delivery', 'replayed deliveries')} are dead again. Repair the cause, then resume it.`,
      ),
    );
    instrumentation.subscribe('instance-report-failed', ({ error }) =>
      this.logger.warn(`Could not write the counts and the state of this instance, will retry: ${error}`),
    );
    instrumentation.subscribe('bulk-failed', ({ error }) =>
      this.logger.warn(`Could not continue a bulk operation, will retry: ${error}`),
    );
  }
}

function sentenceOf({ action, targetId, count }: Pick<Act, 'action' | 'targetId' | 'count'>): string {
  const [verb, kind] = WORDS[action];
  const target = targetId === null ? numberOfDeliveries(count) : `${kind} ${targetId}`.trim();
  return `${verb} ${target}`;
}
