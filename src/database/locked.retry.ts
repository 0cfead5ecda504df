import { setTimeout as sleep } from 'node:timers/promises';
import { isLocked } from './database.errors.js';
import type { Dialect } from './dialect/dialect.js';

/** Time for which a locked row is tried. Whoever writes it most often commits within that time. */
const TIMEOUT_MS = 150;
const DELAY_MS = 10;

/**
 * Runs a statement again for a moment, while another transaction has locked a row that it needs.
 *
 * @param statement must not wait for the lock itself
 * @throws the error of the lock, when the moment is over
 */
export async function retryWhileLocked<T>(dialect: Dialect, statement: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + TIMEOUT_MS;
  for (;;) {
    try {
      return await statement();
    } catch (error) {
      if (!isLocked(dialect, error) || performance.now() > giveUpAt) throw error;
      await sleep(DELAY_MS);
    }
  }
}
