/** Whoever an event belongs to: a process, which may be frozen or die. */
export interface Owner {
  readonly name: string;
  isAlive: boolean;
  /** Time until which it does nothing. */
  frozenUntil: number;
  /** Milliseconds by which the clock of its machine is wrong. */
  clockError?: number;
}

/** Work of an event. If it returns a promise, the world stands still until that has settled. */
export type Work = () => void | Promise<void>;

export interface ScheduledEvent {
  time: number;
  /** Order of events that have the same time. */
  readonly sequence: number;
  readonly owner: Owner | undefined;
  work: Work;
  isCancelled: boolean;
}

/** Binary heap of events, the earliest first. */
export class EventQueue {
  #heap: ScheduledEvent[] = [];
  #sequence = 0;

  clear(): void {
    this.#heap = [];
    this.#sequence = 0;
  }

  push(time: number, work: Work, owner: Owner | undefined): ScheduledEvent {
    const event: ScheduledEvent = { time, sequence: this.#sequence++, owner, work, isCancelled: false };
    this.#add(event);
    return event;
  }

  /** Puts an event back that has been taken, for a later time. Events that have waited together keep their order. */
  postpone(event: ScheduledEvent, time: number): void {
    event.time = time;
    this.#add(event);
  }

  pop(): ScheduledEvent | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (!first) return undefined;
      const last = this.#heap.pop();
      if (last && last !== first) this.#sink(last);
      if (!first.isCancelled) return first;
    }
  }

  #add(event: ScheduledEvent): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (!parent || !isBefore(event, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = event;
  }

  /** Puts an event in at the top, from where it sinks to its place. */
  #sink(event: ScheduledEvent): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const [one, other] = [heap[left], heap[right]];
      if (!one) break;
      const isRight = other !== undefined && isBefore(other, one);
      const child = isRight ? other : one;
      if (!isBefore(child, event)) break;
      heap[index] = child;
      index = isRight ? right : left;
    }
    heap[index] = event;
  }
}

function isBefore(one: ScheduledEvent, other: ScheduledEvent): boolean {
  return one.time < other.time || (one.time === other.time && one.sequence < other.sequence);
}
