import { raw, sql, type Sql } from '../database/sql.js';
import type { HandlerRun } from './handler-run.entity.js';

/** Columns that a run is made of. */
export const RUN_COLUMNS = raw('delivery_id, handler, state, attempts, next_attempt_at, last_error, updated_at');

/** Names a run. */
export interface RunKey {
  readonly deliveryId: string;
  readonly handler: string;
}

/** Returns the same text for the same run. */
export function keyOfRun({ deliveryId, handler }: RunKey): string {
  return `${deliveryId} ${handler}`;
}

/** Returns which run a row is of. */
export function runIn(row: Readonly<Record<string, unknown>>): RunKey {
  return { deliveryId: String(row.delivery_id), handler: String(row.handler) };
}

/** Condition that selects a run. */
export function isRun({ deliveryId, handler }: RunKey): Sql {
  return sql`delivery_id = ${deliveryId} AND handler = ${handler}`;
}

/** @param row the columns of a run, and `claims` */
export function toHandlerRun(row: Record<string, unknown>): HandlerRun {
  return {
    deliveryId: String(row.delivery_id),
    handler: String(row.handler),
    state: row.state as HandlerRun['state'],
    attempts: Number(row.attempts),
    nextAttemptAt: row.next_attempt_at === null ? null : Number(row.next_attempt_at),
    lastError: row.last_error === null ? null : String(row.last_error),
    updatedAt: Number(row.updated_at),
    claims: Number(row.claims),
  };
}
