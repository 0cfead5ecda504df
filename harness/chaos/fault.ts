import type { DatabaseKind } from '../../test/support/database/databases.js';
import type { DatabaseUnderTest } from './database-under-test.js';
import type { HostProgram, Instance } from './instance.js';
import type { Random } from './random.js';

/** The hosts under load that a fault is injected into. */
export interface FaultContext {
  /** All of them run, and all are sent to. */
  readonly instances: readonly [Instance, ...Instance[]];
  readonly database: DatabaseUnderTest;
  readonly random: Random;
  readonly leaseMs: number;
  readonly ackTimeoutMs: number;
  /** Waits a random time under load, so that no two faults come at the same moment. */
  pause(fromMs: number, toMs: number): Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** One sentence for the report that says how it is injected. */
  readonly how: string;
  readonly databases: readonly DatabaseKind[];
  /** Number of instances of the host. @default 1 */
  readonly instances?: number;
  /** Errors of the instances' clocks, by number of the instance. @default no error */
  readonly clockOffsetsMs?: (kind: DatabaseKind) => readonly number[];
  /** Longest run of the handlers of one session in twenty. @default 40, as of all others */
  readonly slowHandlerMs?: number;
  /** Hosts that must be seen to break the promise under this fault. @default none */
  readonly controls?: readonly HostProgram[];
  /** Opens the database that all trials share. @default an empty database on the tests' server */
  readonly openDatabase?: (kind: DatabaseKind) => Promise<DatabaseUnderTest>;
  /**
   * Injects the fault under load, at a moment of its own choosing, and ends it.
   *
   * @returns the moment it was over (`performance.now()`), from which the first answer is timed
   */
  readonly inject: (context: FaultContext) => Promise<number>;
}

/** Where a fault is injected, shared by faults of one kind. */
export type Placement = Pick<Fault, 'databases' | 'openDatabase'>;
