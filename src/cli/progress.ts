import { SingleBar } from 'cli-progress';
import type { WriteStream } from 'node:tty';

const REFRESH_INTERVAL_MS = 500;

/** A bar with the running rate, on a terminal; anywhere else nothing is written. */
export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #done = 0;
  #doneBefore = 0;

  constructor(stream: WriteStream, total: number) {
    if (!stream.isTTY) return;
    this.#bar = new SingleBar({
      stream,
      format: '{bar} {value}/{total} | {rate}/s | {duration_formatted}',
      clearOnComplete: true,
      gracefulExit: false, // it would take Ctrl-C away from the command
    });
    this.#bar.start(total, 0, { rate: 0 });
    this.#timer = setInterval(() => {
      const rate = Math.round(((this.#done - this.#doneBefore) * 1_000) / REFRESH_INTERVAL_MS);
      this.#doneBefore = this.#done;
      this.#bar?.update(this.#done, { rate });
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
