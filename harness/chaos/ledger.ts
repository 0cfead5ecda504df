/** One POST, as the sender saw it. */
export interface Posted {
  readonly session: string;
  readonly body: string;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  /** On this process's monotonic clock. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** Of the process that it was sent to. */
  readonly to: string;
  /** Whether that process stood still meanwhile, and so could not answer. */
  readonly stoodStill: boolean;
}

/** Everything that was sent and answered, written down as it happens by a process that never dies. */
export class Ledger {
  readonly posts: Posted[] = [];
  readonly #listeners = new Set<() => void>();

  add(posted: Posted): void {
    this.posts.push(posted);
    for (const listener of this.#listeners) listener();
  }

  /** When the first 200 after that moment came; undefined when none has come in time. */
  firstAcknowledgement(after: number, patience: number): Promise<number | undefined> {
    return this.#await(
      patience,
      () => this.posts.find((posted) => isSuccess(posted) && posted.endedAt > after)?.endedAt,
    );
  }

  /** Resolves once so many have been answered 200, or when it takes too long. */
  async acknowledgements(count: number, patience: number): Promise<void> {
    await this.#await(patience, () => this.posts.filter(isSuccess).length >= count || undefined);
  }

  /** Asks with each answer that comes. */
  #await<T>(patience: number, ask: () => T | undefined): Promise<T | undefined> {
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
      const timer = setTimeout(end, patience);
      this.#listeners.add(listener);
    });
  }
}

function isSuccess({ status }: Posted): boolean {
  return status === 200;
}

/** Bodies that the sender has been told are safe. */
export function acknowledged(posts: readonly Posted[]): Set<string> {
  return new Set(posts.filter(isSuccess).map(({ body }) => body));
}
