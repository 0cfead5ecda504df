import type { Logger } from '@nestjs/common';
import type { Clock } from '../../clock.js';
import { TimeoutError, withTimeout } from '../../concurrency/with-timeout.js';
import { errorName } from '../../instrumentation/single-line.js';
import { forbidden } from '../api/dashboard.exception.js';
import type { Identify } from './access.options.js';
import type { Authenticator } from './authenticator.js';
import type { HostRequest } from './host.request.js';
import { isOperator, type Operator } from './operator.js';

const MINUTE_MS = 60_000;
/** Longest time that `identify` may take. The page waits for it, and every request of it. */
export const IDENTIFY_TIMEOUT_MS = 10_000;

/** Has the host name who is behind a request that its guards have let through. Fails closed. */
export class IdentifiedOperators implements Authenticator {
  private loggedAt = -Infinity;

  constructor(
    private readonly identify: Identify<never>,
    private readonly clock: Pick<Clock, 'now'>,
    private readonly logger: Pick<Logger, 'error'>,
    private readonly timeoutMs = IDENTIFY_TIMEOUT_MS,
  ) {}

  async authenticate(request: HostRequest): Promise<Operator> {
    const operator = await this.ask(request);
    if (operator === undefined || operator === null) throw forbidden('You may not see this page. Ask for access.');
    if (typeof operator === 'object' && isOperator(operator)) return operator;
    if (this.isFirstInAMinute())
      this.logger.error(
        'Nobody was let in: identify() returned no operator. Return { id, can }, with an id of 1 to 255 characters.',
      );
    throw forbidden('You cannot be named, so you are not let in. The log of the application says why.');
  }

  private async ask(request: HostRequest): Promise<unknown> {
    const late = new TimeoutError(this.timeoutMs);
    try {
      const call = async (): Promise<unknown> => this.identify(request as never);
      const operator = await withTimeout(call(), this.timeoutMs, () => late);
      if (!operator) return operator ?? undefined;
      // Taken over once: what computes its fields could give others when they are used.
      const { id, name, can, tenants } = operator as Record<string, unknown>;
      return { id, can, ...(name !== undefined && { name }), ...(tenants !== undefined && { tenants }) };
    } catch (error) {
      if (this.isFirstInAMinute()) this.logFailure(error, late);
      return undefined;
    }
  }

  private logFailure(error: unknown, late: TimeoutError): void {
    if (error === late)
      this.logger.error(
        `Nobody was let in: identify() did not answer within ${this.timeoutMs} ms. Look at what it waits for.`,
      );
    else this.logger.error(`Nobody was let in: identify() threw ${errorName(error)}.`);
  }

  private isFirstInAMinute(): boolean {
    const now = this.clock.now();
    const isFirst = now - this.loggedAt >= MINUTE_MS;
    if (isFirst) this.loggedAt = now;
    return isFirst;
  }
}
