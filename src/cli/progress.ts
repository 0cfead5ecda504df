import { SingleBar } from 'cli-progress';
import type { WriteStream } from 'node:tty';

const REFRESH_INTERVAL_MS = 500;

/** Shows a bar with the current rate on a terminal. Writes nothing when the stream is not a terminal. */
export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #done = 0;
  #doneBefore = 0;

  constructor(stream: WriteStream, total: number) {
    if (!stream.isTTY) return;
    this.#bar = new SingleBar({
      stream,
      format: '{bar} {value}/{total} | {rate}/s | {duration_formatted}, {left} left',
      clearOnComplete: true,
      gracefulExit: false, // otherwise the bar handles Ctrl-C in place of the command
    });
    this.#bar.start(total, 0, { rate: 0, left: '?' });
    const begun = performance.now();
    this.#timer = setInterval(() => {
      const rate = Math.round(((this.#done - this.#doneBefore) * 1_000) / REFRESH_INTERVAL_MS);
      this.#doneBefore = this.#done;
      this.#bar?.update(this.#done, {
        rate,
        left: left(Math.max(0, total - this.#done), this.#done, performance.now() - begun),
      });
    }, REFRESH_INTERVAL_MS);
  }

  advance(): void {
    this.#done++;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#bar?.update(this.#done);
    this.#bar?.stop();
  }
}

/**
 * Time that what is left takes at the average rate so far, retries included: `1m20s`, or `?` before the first is done.
 */
export function left(todo: number, done: number, elapsed: number): string {
  if (done === 0) return '?';
  const seconds = Math.ceil((todo * elapsed) / done / 1_000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
