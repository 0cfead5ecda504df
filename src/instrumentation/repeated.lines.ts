/** Causes that have lines of their own at a time. The others share one in each group: an error may always differ. */
const MAX_CAUSES = 100;

interface Repeated {
  /** Number of lines that were held back. */
  count: number;
  /** Writes the line that stands for them, with the last of them. */
  write: (count: number) => void;
  timer: NodeJS.Timeout;
}

/**
 * Writes the first line of a cause at once, and then one line in each interval for all that follow. When an interval
 * ends without one, the next is a first one again.
 */
export class RepeatedLines {
  readonly #repeated = new Map<string, Repeated>();

  constructor(private readonly intervalMs: number) {}

  /**
   * @param group what lines have in common that may stand for each other; there are few
   * @param cause what they have in common besides
   * @param first writes the first line
   * @param more writes the line for those that followed
   */
  pass(group: string, cause: string, first: () => void, more: (count: number) => void): void {
    const causeKey = `${group}\0${cause}`;
    const key = this.#repeated.has(causeKey) || this.#repeated.size < MAX_CAUSES ? causeKey : group;
    const repeated = this.#repeated.get(key);
    if (!repeated) {
      this.#repeated.set(key, { count: 0, write: more, timer: this.#later(key) });
      first();
      return;
    }
    repeated.count++;
    repeated.write = more;
  }

  /** Writes a line with the number of times that it stands for: once, and then all that were held back. */
  count(group: string, cause: string, write: (count: number) => void): void {
    this.pass(group, cause, () => write(1), write);
  }

  /** Writes what has been held back. */
  flush(): void {
    for (const { timer, count, write } of this.#repeated.values()) {
      clearTimeout(timer);
      if (count > 0) write(count);
    }
    this.#repeated.clear();
  }

  #later(key: string): NodeJS.Timeout {
    return setTimeout(() => this.#end(key), this.intervalMs).unref();
  }

  #end(key: string): void {
    const repeated = this.#repeated.get(key);
    if (!repeated) return;
    if (repeated.count === 0) {
      this.#repeated.delete(key);
      return;
    }
    const { count, write } = repeated;
    repeated.count = 0;
    repeated.timer = this.#later(key);
    write(count);
  }
}

/** Returns an error without what differs from one delivery to the next: numbers, ids and quoted text. */
export function throttleKeyOf(error: string): string {
  return error
    .replaceAll(/(["'`]).*?\1/g, '…')
    .replaceAll(/\b(?=[\da-f-]*\d)[\da-f]{4,}(-[\da-f]+)*\b/gi, '#')
    .replaceAll(/\d+/g, '#');
}
