import { boolean, fields, whole } from '../option.checks.js';

/**
 * Options for the connections of the inbox to a database server.
 *
 * @publicApi
 */
export interface DatabaseOptions {
  /**
   * Number of connections that the inbox opens for itself, beside the pool of the host. One of them is kept for lease
   * renewals, and one for receiving. At least 3. SQLite has one, whatever is given here. @default 4
   */
  connections?: number;
  /**
   * PostgreSQL only: an instance that records deliveries which it does not process itself wakes up the others by
   * `NOTIFY`. Without it they find them by their next poll. It takes one more connection of each instance, which must
   * not go through a pooler that gives each transaction another session. @default false
   */
  listenNotify?: boolean;
}

/** Options with every default filled in. */
export type DatabaseSettings = Readonly<Required<DatabaseOptions>>;

/** Fewest connections: one for renewals, one for receiving, one for everything else. */
const MIN_CONNECTIONS = 3;

export const databaseCheck = fields({ connections: whole(MIN_CONNECTIONS), listenNotify: boolean });

export function databaseSettings({ connections = 4, listenNotify = false }: DatabaseOptions = {}): DatabaseSettings {
  return { connections, listenNotify };
}
