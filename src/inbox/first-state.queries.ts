import type { ColumnValues } from '../database/dialect/dialect.js';
import { raw, sql, type Sql } from '../database/sql.js';
import type { Lease, NewDelivery } from './claimed-delivery.js';

/** A delivery that is to be recorded. */
export interface NewDeliveryRow {
  readonly delivery: NewDelivery;
  /** Lease that it is recorded with; `undefined` if any worker may claim it. */
  readonly lease: Lease | undefined;
  /** Number of duplicates that arrived with it. */
  readonly duplicates: number;
}

/** Returns the state that a delivery is recorded with. */
function firstState({ delivery, lease, duplicates }: NewDeliveryRow): ColumnValues {
  return {
    delivery_id: delivery.id,
    state: lease ? 'processing' : 'pending',
    dispatches: lease ? delivery.dispatches : 0,
    next_attempt_at: lease ? null : delivery.receivedAt,
    claim_id: lease?.claimId ?? null,
    lease_expires_at: lease?.expiresAt ?? null,
    duplicates,
    last_duplicate_at: duplicates > 0 ? delivery.receivedAt : null,
  };
}

/**
 * Returns the columns and the rows of an INSERT of the states of a batch. If the rows differ in nothing but their
 * delivery, they are selected, so that no value is sent for each.
 *
 * @param recorded table that has the `id` and the `received_at` of those that were recorded, with a condition if need
 * be
 * @param rowsOf returns the rows otherwise
 */
export function firstStates(
  batch: readonly NewDeliveryRow[],
  recorded: Sql,
  rowsOf: (states: readonly ColumnValues[]) => Sql,
): Sql {
  const lease = batch[0]?.lease;
  if (batch.some((row) => row.lease !== lease || row.duplicates > 0)) {
    const states = batch.map(firstState);
    return sql`(${columnsOf(states)}) ${rowsOf(states)}`;
  }
  const values = lease
    ? sql`'processing', 1, NULL, ${lease.claimId}, ${raw(String(lease.expiresAt))}`
    : raw(`'pending', 0, received_at, NULL, NULL`);
  return sql`(delivery_id, state, dispatches, next_attempt_at, claim_id, lease_expires_at, duplicates)
    SELECT id, ${values}, 0 FROM ${recorded}`;
}

/** Returns the columns of rows. */
export function columnsOf(rows: readonly ColumnValues[]): Sql {
  return raw(Object.keys(rows[0] ?? {}).join(', '));
}
