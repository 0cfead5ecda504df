import type { Logger } from '@nestjs/common';
import type { UnreadableProblem } from './internal.occurrences.js';
import type { Instrumentation } from './instrumentation.js';
import { numberOf, numberOfDeliveries } from './number-of.js';
import { throttleKeyOf, RepeatedLines } from './repeated.lines.js';

const MINUTE_MS = 60_000;

/** Writes the log lines of keys and sealed contents. */
export class SealLog {
  private readonly lines = new RepeatedLines(MINUTE_MS);

  constructor(private readonly logger: Logger) {}

  subscribeTo(instrumentation: Instrumentation): void {
    instrumentation.subscribe('stopped', () => this.lines.flush());
    instrumentation.subscribe('sealing-off', () =>
      this.logger.warn(
        'encryption.current is null: new contents are written in plain text. Name the key that is to seal them.',
      ),
    );
    instrumentation.subscribe('key-unknown', ({ keyId }) =>
      this.logger.error(
        `The inbox was sealed with the key "${keyId}", which is not configured on this instance. Deliveries that it sealed wait. Add the key to encryption.keys. To retire it, call inbox.encryption.reseal() and then forget() on an instance that has it.`,
      ),
    );
    instrumentation.subscribe('key-service-failed', ({ error }) =>
      this.lines.count('service', throttleKeyOf(error), (count) =>
        this.logger.error(`The key provider failed ${numberOf(count, 'time')}; cached keys stay in use: ${error}`),
      ),
    );
    instrumentation.subscribe('unreadable', ({ problem, keyId, isDead, deliveryId }) => {
      if (isDead)
        this.logger.error(
          `Delivery ${deliveryId} is dead: its contents could not be opened, and no attempt is left. Find the cause by the lines SEAL_BROKEN or PLAINTEXT_REFUSED, repair it, then replay it with inbox.replay().`,
        );
      else this.lines.count(problem, keyId, (count) => this.logUnreadable(problem, keyId, count));
    });
  }

  private logUnreadable(problem: UnreadableProblem, keyId: string, count: number): void {
    if (problem === 'key-missing')
      this.logger.error(
        `KEY_MISSING: could not open a delivery that is sealed with the key "${keyId}", ${numberOf(count, 'time')}. It waits, with no attempt used. Add the key to encryption.keys of this instance.`,
      );
    else if (problem === 'destroyed')
      this.logger.warn(`Erased ${numberOfDeliveries(count)} whose key was destroyed (shredded); no handler has run.`);
    else if (problem === 'plaintext-refused')
      this.logger.error(
        `PLAINTEXT_REFUSED: a delivery was in plain text in a sealed inbox, and was not handled, ${numberOf(count, 'time')}. Set encryption.plaintext to 'accept' if it is yours, and call inbox.encryption.reseal().`,
      );
    else
      this.logger.error(
        `SEAL_BROKEN: could not open the sealed contents of a delivery, ${numberOf(count, 'time')}. No handler has run. Somebody has changed the database.`,
      );
  }
}
