import type { DatabaseKind } from '../../test/support/database/databases.js';
import type { DatabaseUnderTest } from './database-under-test.js';
import type { HandlerSet } from './hosts/host-settings.js';
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
  /** Handlers of the instances, by number of the instance. @default the usual ones */
  readonly handlers?: readonly HandlerSet[];
  /** True if leases may end early, because they follow a clock that jumps. @default false */
  readonly mayEndLeasesEarly?: boolean;
  /** Every delivery must have ended within this after the last post. @default 20 000 */
  readonly settleTimeoutMs?: number;
  /** Hosts that must be seen to break the promise under this fault. @default none */
  readonly controls?: readonly HostProgram[];
  /** Databases on which the controls are run. @default every database of the fault */
  readonly controlDatabases?: readonly DatabaseKind[];
  /** Opens the database that all trials share. @default an empty database on the tests' server */
  readonly openDatabase?: (kind: DatabaseKind) => Promise<DatabaseUnderTest>;
  /**
   * Injects the fault under load, at a moment of its own choosing, and ends it.
   *
   * @returns the moment (`performance.now()`) from which the first answer is timed: the end of the fault, or its beginning
   *   when receiving must not stop meanwhile
   */
  readonly inject: (context: FaultContext) => Promise<number>;
}

/** Place where a fault is injected, shared by faults of one kind. */
export type Placement = Pick<Fault, 'databases' | 'openDatabase'>;
