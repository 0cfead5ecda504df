import type { DatabaseConnection } from '../database/database.connection.js';
import type { Lane } from '../database/lanes.js';
import { raw, sql, type Sql } from '../database/sql.js';
import type { DeliveryState } from './delivery-state.entity.js';
import type { IndexedRows } from './index-count.queries.js';
import type { Tables } from './tables.js';

/** Condition of the index of ended deliveries, written as it is: SQLite compares the texts. */
export const IS_ENDED = `state IN ('dead', 'unhandled', 'discarded', 'erased')`;

const ENDED = `s.${IS_ENDED}`;

/** Conditions that hold for every row in a state. They let the partial indexes serve the query. */
export const INDEXED: Partial<Record<DeliveryState, string>> = {
  pending: 's.next_attempt_at IS NOT NULL',
  processing: 's.lease_expires_at IS NOT NULL',
  dead: ENDED,
  unhandled: ENDED,
  discarded: ENDED,
  erased: ENDED,
};

/** Tells whether deliveries in this state are found by it, in the order of their ids. */
export function hasIndex(state: DeliveryState): boolean {
  return INDEXED[state] === ENDED;
}

/** Returns the deliveries in every state but `completed`, each by its index. */
export function rowsByState(table: Sql): Record<Exclude<DeliveryState, 'completed'>, IndexedRows> {
  const timed = (column: string) => ({ table, condition: raw(`${column} IS NOT NULL`), column });
  const ended = (state: string) => ({
    table,
    condition: raw(`state = '${state}' AND ${IS_ENDED}`),
    column: 'delivery_id',
  });
  return {
    pending: timed('next_attempt_at'),
    processing: timed('lease_expires_at'),
    dead: ended('dead'),
    unhandled: ended('unhandled'),
    discarded: ended('discarded'),
    erased: ended('erased'),
  };
}

/** Returns the query for the earliest time at which a delivery is due, and at which a lease expires: null without one. */
export function dueTimes({ deliveryState }: Pick<Tables, 'deliveryState'>): Sql {
  return sql`SELECT 'due' AS name, MIN(next_attempt_at) AS n FROM ${deliveryState} WHERE next_attempt_at IS NOT NULL
    UNION ALL SELECT 'expired', MIN(lease_expires_at) FROM ${deliveryState} WHERE lease_expires_at IS NOT NULL`;
}

/** Returns the time for which the oldest delivery is due; undefined if none waits or is processed. */
export async function oldestDueAt(
  connection: DatabaseConnection,
  tables: Pick<Tables, 'deliveryState'>,
  lane?: Lane,
): Promise<number | undefined> {
  const { records } = await connection.execute(dueTimes(tables), lane);
  const times = records.flatMap(({ n }) => (n === null ? [] : Number(n)));
  return times.length > 0 ? Math.min(...times) : undefined;
}
