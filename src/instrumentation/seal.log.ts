import type { Logger } from '@nestjs/common';
import type { Clock } from '../clock.js';
import type { UnreadableProblem } from './inbox.signals.js';
import type { Instrumentation } from './instrumentation.js';
import { LogThrottle } from './log.throttle.js';

const MINUTE_MS = 60_000;

/** Writes the log lines of keys and sealed contents. */
export class SealLog {
  private readonly throttle: LogThrottle;

  constructor(
    private readonly logger: Logger,
    clock: Clock,
  ) {
    this.throttle = new LogThrottle(clock, MINUTE_MS);
  }

  subscribeTo(signals: Instrumentation): void {
    signals.subscribe('sealing-off', () =>
      this.logger.warn(
        'encryption.current is null: new contents are written in plain text. Name the key that is to seal them.',
      ),
    );
    signals.subscribe('key-unknown', ({ keyId }) =>
      this.logger.error(
        `The inbox was sealed with the key "${keyId}", which is not configured. What it sealed waits. Add the key to encryption.keys, or end it with inbox.encryption.reseal() and forget().`,
      ),
    );
    signals.subscribe('key-service-failed', ({ error }) =>
      this.throttle.pass('service', (count) =>
        this.logger.error(`The key provider failed ${count} time(s), keys in the cache go on being used: ${error}`),
      ),
    );
    signals.subscribe('unreadable', ({ problem, keyId, isDead, deliveryId }) => {
      if (isDead)
        this.logger.error(
          `Delivery ${deliveryId} could not be opened, and its attempts are used up. Find out who has changed the database, then replay it with inbox.replay().`,
        );
      else this.throttle.pass(`${problem} ${keyId}`, (count) => this.logUnreadable(problem, keyId, count));
    });
  }

  private logUnreadable(problem: UnreadableProblem, keyId: string, count: number): void {
    if (problem === 'key-missing')
      this.logger.error(
        `KEY_MISSING: ${count} time(s) a delivery that is sealed with the key "${keyId}" could not be opened. It waits, with no attempt used. Add the key to encryption.keys of this instance.`,
      );
    else if (problem === 'plaintext-refused')
      this.logger.error(
        `PLAINTEXT_REFUSED: ${count} time(s) a delivery was in plain text in a sealed inbox, and was not handled. Set encryption.plaintext to 'accept' if it is yours, and call inbox.encryption.reseal().`,
      );
    else
      this.logger.error(
        `SEAL_BROKEN: ${count} time(s) sealed contents of a delivery could not be opened, so no handler has run. Somebody has changed the database, or its key was destroyed.`,
      );
  }
}
