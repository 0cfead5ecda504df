import type { Dialect } from '../../../src/database/dialect/dialect.js';

/** Result of a statement, as the driver of PostgreSQL gives it. */
export interface StatementResult {
  readonly rows: Record<string, unknown>[];
  readonly rowCount: number;
  readonly command: string;
}

/** Error of a statement, with the code that PostgreSQL gives it. */
export class StatementError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** End of a statement. */
export type Ending = { result: StatementResult } | { error: Error };

/** A session of a database server. */
export interface Session {
  /** Number by which another session can end it. */
  readonly id: number;
  readonly isOpen: boolean;
  /** True between the begin and the end of a transaction. */
  readonly isInTransaction: boolean;
  /**
   * Runs one statement. `end` is called at once, or when a lock that it waits for is free. A promise is returned where
   * the world has to wait for a real server.
   */
  execute(text: string, parameters: readonly unknown[], end: (ending: Ending) => void): void | Promise<void>;
  /** Called when it was ended, by whomever. */
  onClose?: () => void;
  /** Ends it as a server does that has lost its client: it rolls back. */
  close(): void | Promise<void>;
}

/** A database server. */
export interface Engine {
  readonly dialect: Dialect;
  /** @param lockTimeout milliseconds that a statement waits for a lock; 0 for without end */
  open(lockTimeout: number): Session | Promise<Session>;
  /** Reads what is committed. */
  read(text: string): Record<string, unknown>[] | Promise<Record<string, unknown>[]>;
  /** Empties all tables, and ends all sessions. */
  reset(): void | Promise<void>;
  /** Leaves nothing behind. */
  close(): void | Promise<void>;
}
