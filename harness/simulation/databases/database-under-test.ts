import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import type { SimulatedProcess } from '../world/process.js';
import type { World } from '../world/world.js';

/** A database, and the ways of processes to it. */
export interface DatabaseUnderTest {
  /** True if a seed determines everything that it does. */
  readonly isExact: boolean;
  /** False if it has the clock of the machine of whoever asks. */
  readonly hasClock: boolean;
  /** Number of transactions that processes hold which are alive and can hear of it. */
  readonly heldTransactions: number;
  /** Makes the connection of a process that starts in a slot. The world stands still meanwhile. */
  connect(world: World, process: SimulatedProcess, slot: number): Promise<DatabaseConnection>;
  /**
   * Ends what a process has open that has died: now, or as late as the server notices. Returns true if that takes
   * minutes.
   */
  bury(world: World, process: SimulatedProcess): boolean;
  /** Ends all connections, because it goes down. */
  dropAll(): void;
  /** Reads what is committed. */
  read(text: string): Record<string, unknown>[] | Promise<Record<string, unknown>[]>;
  /** Empties all tables, and ends whatever a schedule has left. */
  reset(): void | Promise<void>;
  /** Leaves nothing behind. */
  close(): void | Promise<void>;
}
