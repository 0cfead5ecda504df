import type { HandlerId } from './handler-ids.js';
import type { Scripts } from './scripts.js';

/** Events that were seen from outside of the module. */
export class History {
  /** Contents that were acknowledged, by session. */
  readonly acknowledged = new Map<string, Set<string>>();
  /** Calls of handlers: `session handler content`. */
  readonly #begun = new Set<string>();
  /** Calls of handlers that returned: `session handler content`. */
  readonly #returned = new Set<string>();
  /** Number of times that an operator may have made a handler run once more: `session handler`. */
  readonly #replays = new Map<string, number>();
  /** Sessions that an operator has, or may have, discarded. */
  readonly discarded = new Set<string>();
  /** Sessions whose content an operator has, or may have, replaced, and how often. */
  readonly superseded = new Map<string, number>();
  #effects = 0;

  constructor(readonly scripts: Scripts) {}

  nextEffect(): number {
    return ++this.#effects;
  }

  acknowledge(session: string, content: string): void {
    const contents = this.acknowledged.get(session) ?? new Set();
    this.acknowledged.set(session, contents.add(content));
  }

  begun(session: string, handler: HandlerId, content: string): void {
    this.#begun.add(`${session} ${handler} ${content}`);
  }

  hasBegun(session: string, handler: HandlerId, content: string): boolean {
    return this.#begun.has(`${session} ${handler} ${content}`);
  }

  returned(session: string, handler: HandlerId, content: string): void {
    this.#returned.add(`${session} ${handler} ${content}`);
  }

  hasReturned(session: string, handler: HandlerId, content: string): boolean {
    return this.#returned.has(`${session} ${handler} ${content}`);
  }

  replayed(session: string, handler: HandlerId): void {
    const run = `${session} ${handler}`;
    this.#replays.set(run, (this.#replays.get(run) ?? 0) + 1);
  }

  replaysOf(session: string, handler: HandlerId): number {
    return this.#replays.get(`${session} ${handler}`) ?? 0;
  }
}
