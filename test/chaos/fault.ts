import type { DatabaseKind } from '../support/database/databases.js';
import type { Ground } from './ground.js';
import type { HostProgram, Instance } from './instance.js';
import type { Random } from './random.js';

/** What a fault is given: hosts under load, and chance. */
export interface Scene {
  /** All running, all sent to. */
  readonly instances: readonly [Instance, ...Instance[]];
  readonly ground: Ground;
  readonly random: Random;
  /** Milliseconds. */
  readonly lease: number;
  readonly ackTimeout: number;
  /** Waits a random time in between, under load: faults come at moments of their own. */
  pause(from: number, to: number): Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** How it is made, for the report: one sentence. */
  readonly how: string;
  readonly databases: readonly DatabaseKind[];
  /** How many instances of the host there are. @default 1 */
  readonly instances?: number;
  /** Milliseconds that the clocks of the instances are off, by their number. @default all are right */
  readonly clocksAreOff?: (kind: DatabaseKind) => readonly number[];
  /** Milliseconds that the handlers of one session in twenty take at most. @default 40, as all others */
  readonly handlersTake?: number;
  /** Hosts that do not keep the promise, put under it too: they must be seen to break it. @default none */
  readonly controls?: readonly HostProgram[];
  /** Where the trials take place; opened once for all of them. @default an empty database on the tests' server */
  readonly open?: (kind: DatabaseKind) => Promise<Ground>;
  /**
   * Makes the fault while the load goes on, at a moment of its own choosing, and ends it.
   *
   * @returns the moment it was over (`performance.now()`): from then on answers are waited for
   */
  readonly strike: (scene: Scene) => Promise<number>;
}
