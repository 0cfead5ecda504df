import { Inject, Injectable } from '@nestjs/common';
import { Cancellation } from '../../concurrency/cancellation.js';
import { Semaphore } from '../../concurrency/semaphore.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import { unavailable } from './dashboard.exception.js';

/** Time that a request waits for those before it. */
const MAX_WAIT_MS = 2_000;

/** Limits how many requests of operators are answered at a time, so that receiving keeps its connections. */
@Injectable()
export class RequestLimit {
  private readonly semaphore: Semaphore;

  constructor(@Inject(DASHBOARD_SETTINGS) { limits }: Pick<DashboardSettings, 'limits'>) {
    this.semaphore = new Semaphore(limits.queries);
  }

  /** @throws DashboardException 503 if the requests before it take too long */
  async run<T>(task: () => Promise<T>): Promise<T> {
    const wait = new Cancellation();
    const timer = setTimeout(() => wait.cancel(busy()), MAX_WAIT_MS);
    return this.semaphore.run(() => {
      clearTimeout(timer);
      return task();
    }, wait);
  }
}

function busy(): Error {
  return unavailable('INBOX_BUSY', 'Other requests of this page are still being answered. Try again in a moment.');
}
