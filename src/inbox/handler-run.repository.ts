import { Injectable } from '@nestjs/common';
import type { HandlerRun } from './handler-run.entity.js';
import type { ExecuteSql } from '../database/dialect/dialect.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import { Tables } from './tables.js';

const COLUMNS = raw('delivery_id, handler, state, attempts, next_attempt_at, last_error, updated_at');

/** Reads and writes the runs of handlers. */
@Injectable()
export class HandlerRunRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Returns the runs of deliveries, by the id of the delivery. */
  async findByDeliveries(deliveryIds: readonly string[]): Promise<Map<string, HandlerRun[]>> {
    const byDelivery = new Map<string, HandlerRun[]>();
    if (deliveryIds.length === 0) return byDelivery;
    const { records } = await this.connection.execute(
      sql`SELECT ${COLUMNS} FROM ${this.tables.handlerRun} WHERE delivery_id IN (${join(deliveryIds)}) ORDER BY handler`,
    );
    for (const run of records.map(toHandlerRun))
      byDelivery.set(run.deliveryId, [...(byDelivery.get(run.deliveryId) ?? []), run]);
    return byDelivery;
  }

  /**
   * Marks a run completed, in the transaction of the handler's own writes and before them. A second worker waits at the
   * row's key until the first has committed or rolled back. Returns `false` if the run is completed already; the
   * handler must not run then.
   */
  async complete(execute: ExecuteSql, deliveryId: string, handler: string, now: number): Promise<boolean> {
    const { dialect } = this.connection;
    const { handlerRun } = this.tables;
    await execute(
      sql`${dialect.insertInto(handlerRun)} (${COLUMNS}) VALUES (${join([deliveryId, handler, 'pending', 0, null, null, now])})
          ${dialect.onConflict('delivery_id, handler', sql`handler = ${dialect.stored('handler')}`)}`,
    );
    const { affected } = await execute(
      sql`UPDATE ${handlerRun} SET state = 'completed', next_attempt_at = NULL, updated_at = ${now}
          WHERE delivery_id = ${deliveryId} AND handler = ${handler} AND state <> 'completed'`,
    );
    return affected === 1;
  }

  /**
   * Tells whether the transaction can still commit what `complete()` has written. It cannot after a failed statement
   * (PostgreSQL, which answers its COMMIT with a rollback) or a deadlock (MySQL), even if the handler has caught the
   * error.
   */
  async isCompleted(execute: ExecuteSql, deliveryId: string, handler: string): Promise<boolean> {
    const { records } = await execute(
      sql`SELECT handler FROM ${this.tables.handlerRun}
          WHERE delivery_id = ${deliveryId} AND handler = ${handler} AND state = 'completed'`,
    );
    return records.length === 1;
  }

  /** Makes all runs due that have not completed, with all their attempts. */
  async resetAttempts(execute: ExecuteSql, deliveryId: string, now: number): Promise<void> {
    await execute(
      sql`UPDATE ${this.tables.handlerRun} SET state = 'pending', attempts = 0, next_attempt_at = NULL, updated_at = ${now}
          WHERE delivery_id = ${deliveryId} AND state <> 'completed'`,
    );
  }

  /** Makes runs due even if they have completed. Their transactions may then commit once more. */
  async startOver(execute: ExecuteSql, deliveryId: string, handlers: readonly string[], now: number): Promise<void> {
    const { dialect } = this.connection;
    const rows = handlers.map((handler) => sql`(${join([deliveryId, handler, 'pending', 0, null, null, now])})`);
    await execute(
      sql`${dialect.insertInto(this.tables.handlerRun)} (${COLUMNS}) VALUES ${join(rows)}
          ${dialect.onConflict('delivery_id, handler', sql`state = 'pending', attempts = 0, next_attempt_at = NULL, updated_at = ${now}`)}`,
    );
  }

  async delete(execute: ExecuteSql, deliveryId: string): Promise<void> {
    await execute(sql`DELETE FROM ${this.tables.handlerRun} WHERE delivery_id = ${deliveryId}`);
  }

  /** Saves runs. A run that has completed in the meantime stays completed. */
  async save(execute: ExecuteSql, runs: readonly HandlerRun[]): Promise<void> {
    if (runs.length === 0) return;
    const { dialect } = this.connection;
    const rows = runs.map(
      (r) => sql`(${join([r.deliveryId, r.handler, r.state, r.attempts, r.nextAttemptAt, r.lastError, r.updatedAt])})`,
    );
    const unlessCompleted = (column: string): Sql =>
      sql`${raw(column)} = CASE WHEN ${dialect.stored('state')} = 'completed' THEN ${dialect.stored(column)} ELSE ${dialect.incoming(column)} END`;
    // The state last: MySQL assigns from left to right, and the others look at it.
    const columns = ['attempts', 'next_attempt_at', 'last_error', 'updated_at', 'state'];
    await execute(
      sql`${dialect.insertInto(this.tables.handlerRun)} (${COLUMNS}) VALUES ${join(rows)}
          ${dialect.onConflict('delivery_id, handler', join(columns.map(unlessCompleted)))}`,
    );
  }
}

function toHandlerRun(row: Record<string, unknown>): HandlerRun {
  return {
    deliveryId: String(row.delivery_id),
    handler: String(row.handler),
    state: row.state as HandlerRun['state'],
    attempts: Number(row.attempts),
    nextAttemptAt: row.next_attempt_at === null ? null : Number(row.next_attempt_at),
    lastError: row.last_error === null ? null : String(row.last_error),
    updatedAt: Number(row.updated_at),
  };
}
