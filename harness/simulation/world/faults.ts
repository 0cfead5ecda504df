import type { SeededRandom } from '../../../src/testing/seeded-random.js';
import type { SimulatedProcess } from './process.js';
import type { World } from './world.js';

/**
 * Fault at a statement.
 *
 * `die-before`: its process dies, and it never arrives. `die-after`: it takes effect, and its process dies. `freeze`: it
 * takes effect, and its process stands still for longer than its lease. `refused`: the connection is lost before it
 * arrives. `answer-lost`: it takes effect, and the connection is lost. `silent-before`, `silent-after`: the connection
 * falls silent, before or after it takes effect. `deadlock`: the server gives it up.
 */
export type Fault = (typeof STATEMENT_FAULTS)[number];

export const STATEMENT_FAULTS = [
  'die-before',
  'die-after',
  'freeze',
  'refused',
  'answer-lost',
  'silent-before',
  'silent-after',
  'deadlock',
] as const;

/** Faults after which a lease may run out. */
const ENDS_LEASES: ReadonlySet<string> = new Set([
  'die-before',
  'die-after',
  'freeze',
  'answer-lost',
  'silent-before',
  'silent-after',
]);

/** Statements among which the faults of a schedule are placed. */
const SPAN = 80;

/** The faults of one schedule, each at a statement that the seed has chosen. */
export class FaultPlan {
  readonly #at = new Map<number, Fault>();
  #count = 0;

  constructor(
    private readonly world: World,
    random: SeededRandom,
    count: number,
  ) {
    for (let index = 0; index < count; index++)
      this.#at.set(random.whole(1, random.next() < 0.5 ? SPAN : SPAN / 4), random.pick(STATEMENT_FAULTS));
  }

  /** Returns the fault that happens at the next statement of a process, if any. */
  atStatement(process: SimulatedProcess, text: string): Fault | undefined {
    const fault = this.#at.get(++this.#count);
    if (!fault || this.world.isCalm) return undefined;
    this.world.trace(`FAULT ${fault}: ${text}`, process);
    if (ENDS_LEASES.has(fault)) this.world.ranOut();
    return fault;
  }
}
