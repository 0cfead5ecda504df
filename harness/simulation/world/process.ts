import type { Owner } from '../event-queue.js';

/** A process in which an instance of the module runs. When it dies, none of its code goes on. */
export class SimulatedProcess implements Owner {
  isAlive = true;
  frozenUntil = 0;

  constructor(
    readonly name: string,
    readonly clockError: number,
  ) {}
}
