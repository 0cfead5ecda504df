import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MS = 2_000;
const INTERRUPTED = 130;
const CLEAR_SCREEN = '\u001B[2J\u001B[H';

/**
 * Shows something again and again until it is interrupted, or until it is over: as one screen on a terminal, otherwise
 * one below the other.
 *
 * @param show returns the text, and whether it is the last
 */
export async function repeat(show: () => Promise<{ text: string; isLast?: boolean }>): Promise<void> {
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  try {
    for (;;) {
      const { text, isLast } = await show();
      process.stdout.write(`${process.stdout.isTTY ? CLEAR_SCREEN : ''}${text}\n`);
      if (isLast) return;
      await sleep(INTERVAL_MS, undefined, { signal: interrupt.signal }).catch(() => {}); // looked at next
      if (interrupt.signal.aborted) {
        process.exitCode = INTERRUPTED;
        return;
      }
    }
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}
