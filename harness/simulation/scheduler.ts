import { EventQueue, type Owner, type ScheduledEvent, type Work } from './event-queue.js';

/** Before anything replaces it. */
const nextTick = process.nextTick.bind(process);

/**
 * Runs events one after the other, in the order of their virtual times. Between two of them it waits until no promise
 * of the first can go on. So all that runs in between belongs to the owner of the first.
 */
export class Scheduler {
  /** Virtual milliseconds. */
  now = 0;
  current: Owner | undefined;
  isRunning = false;
  /** Number of events that have run. */
  steps = 0;
  readonly #queue = new EventQueue();
  #onError: (error: unknown, owner: Owner | undefined) => void = (error) => {
    throw error;
  };

  /** Forgets every event. */
  reset(now: number, onError: (error: unknown, owner: Owner | undefined) => void): void {
    this.#queue.clear();
    this.now = now;
    this.steps = 0;
    this.current = undefined;
    this.#onError = onError;
  }

  /** @param owner undefined for what belongs to no process: the network, the server, the sender */
  after(delay: number, work: Work, owner?: Owner): ScheduledEvent {
    return this.#queue.push(this.now + delay, work, owner);
  }

  /** Runs until there is no event, or until it is over. */
  run(isOver: () => boolean): Promise<void> {
    this.isRunning = true;
    return new Promise<void>((resolve) => {
      const step = (): void => {
        const event = isOver() ? undefined : this.#next();
        if (!event) {
          this.isRunning = false;
          this.current = undefined;
          return resolve();
        }
        this.#perform(event, () => nextTick(step));
      };
      nextTick(step);
    });
  }

  #next(): ScheduledEvent | undefined {
    for (;;) {
      const event = this.#queue.pop();
      if (!event) return undefined;
      const { owner } = event;
      if (owner && !owner.isAlive) continue;
      this.now = Math.max(this.now, event.time);
      if (!owner || owner.frozenUntil <= this.now) return event;
      this.#queue.postpone(event, owner.frozenUntil);
    }
  }

  #perform({ work, owner }: ScheduledEvent, done: () => void): void {
    this.steps++;
    this.current = owner;
    try {
      const pending = work();
      if (pending) pending.catch((error: unknown) => this.#onError(error, owner)).finally(done);
      // A tick that a microtask asks for comes after all microtasks.
      else queueMicrotask(done);
    } catch (error) {
      this.#onError(error, owner);
      queueMicrotask(done);
    }
  }
}
