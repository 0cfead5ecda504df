/** One POST, as the sender saw it. */
export interface Post {
  readonly session: string;
  readonly body: string;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  /** On this process's monotonic clock. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** The name of the process that it was sent to. */
  readonly to: string;
  /** True if that process was suspended meanwhile, and so could not answer. */
  readonly wasSuspended: boolean;
}

/** Records everything that was sent and answered, in a process that no fault reaches. */
export class History {
  readonly posts: Post[] = [];
  readonly #listeners = new Set<() => void>();

  add(post: Post): void {
    this.posts.push(post);
    for (const listener of this.#listeners) listener();
  }

  /** Resolves with the moment of the first 200 after `after`; undefined when none came in time. */
  waitForAcknowledgementAfter(after: number, timeoutMs: number): Promise<number | undefined> {
    return this.#waitFor(timeoutMs, () => this.posts.find((post) => isSuccess(post) && post.endedAt > after)?.endedAt);
  }

  /** Resolves once `count` posts have been answered 200, or after `timeoutMs`. */
  async waitForAcknowledgements(count: number, timeoutMs: number): Promise<void> {
    await this.#waitFor(timeoutMs, () => this.posts.filter(isSuccess).length >= count || undefined);
  }

  /** Asks again with each answer that comes. */
  #waitFor<T>(timeoutMs: number, ask: () => T | undefined): Promise<T | undefined> {
    const answer = ask();
    if (answer !== undefined) return Promise.resolve(answer);
    return new Promise((resolve) => {
      const end = (found?: T) => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve(found);
      };
      const listener = () => {
        const found = ask();
        if (found !== undefined) end(found);
      };
      const timer = setTimeout(end, timeoutMs);
      this.#listeners.add(listener);
    });
  }
}

function isSuccess({ status }: Post): boolean {
  return status === 200;
}

/** Returns the bodies that were answered 200. */
export function acknowledgedBodies(posts: readonly Post[]): Set<string> {
  return new Set(posts.filter(isSuccess).map(({ body }) => body));
}
