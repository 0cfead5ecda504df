import { Injectable } from '@nestjs/common';
import { DatabaseConnection, type StatementStep } from '../database/database.connection.js';
import type { SqlResult } from '../database/dialect/dialect.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import type { AttemptRow } from './attempt.entity.js';
import { Tables } from './tables.js';
import { newId } from '../new-id.js';

/** Attempts that are kept of each handler of a delivery: the newest. */
const MAX_KEPT = 50;

/** One execution of a handler that is to be kept. */
export interface NewAttempt extends Omit<AttemptRow, 'id'> {
  /** Number of times that a worker has dispatched the delivery, or has claimed the run from a queue. */
  readonly passes: number;
}

const COLUMNS = raw('id, delivery_id, handler, attempt, outcome, started_at, ended_at, error, instance');

/** Keeps executions of handlers that failed or followed one that had. */
@Injectable()
export class AttemptRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /**
   * Returns the last steps of a transaction that writes outcomes: they keep the attempts of those that it has written.
   *
   * @param which returns these, from the results of the steps before
   */
  keepingSteps(
    attempts: readonly NewAttempt[],
    which: (results: readonly SqlResult[]) => readonly NewAttempt[],
  ): readonly StatementStep[] {
    if (attempts.length === 0) return [];
    const excessive = attempts.filter(({ passes }) => passes > MAX_KEPT);
    return [
      (results) => this.insertStatement(which(results)),
      ...excessive.map(
        (attempt): StatementStep =>
          (results) =>
            which(results).includes(attempt) ? this.trimStatement(attempt) : undefined,
      ),
    ];
  }

  /** Returns the attempts of a delivery, oldest first. */
  async list(deliveryId: string): Promise<AttemptRow[]> {
    const { records } = await this.connection.execute(
      sql`SELECT ${COLUMNS} FROM ${this.tables.attempt} WHERE delivery_id = ${deliveryId} ORDER BY id`,
      'operating',
    );
    return records.map(toAttempt);
  }

  /** Returns the statement that deletes the attempts of deliveries. */
  deleteStatement(deliveryIds: readonly string[]): Sql {
    return sql`DELETE FROM ${this.tables.attempt} WHERE ${this.connection.dialect.isOneOf('delivery_id', deliveryIds)}`;
  }

  private insertStatement(attempts: readonly NewAttempt[]): Sql | undefined {
    if (attempts.length === 0) return undefined;
    const rows = attempts.map(({ deliveryId, handler, attempt, outcome, startedAt, endedAt, error, instance }) => {
      return sql`(${join([newId(), deliveryId, handler, attempt, outcome, startedAt, endedAt, error, instance])})`;
    });
    return sql`INSERT INTO ${this.tables.attempt} (${COLUMNS}) VALUES ${join(rows)}`;
  }

  /** Deletes the older ones. MySQL deletes from no table that it reads, unless the rows were read before. */
  private trimStatement({ deliveryId, handler }: NewAttempt): Sql {
    const { attempt } = this.tables;
    const own = sql`delivery_id = ${deliveryId} AND handler = ${handler}`;
    const oldest = sql`SELECT id FROM ${attempt} WHERE ${own} ORDER BY id DESC LIMIT 1 OFFSET ${raw(String(MAX_KEPT - 1))}`;
    return sql`DELETE FROM ${attempt} WHERE ${own} AND id < (SELECT id FROM (${oldest}) kept)`;
  }
}

function toAttempt(row: Readonly<Record<string, unknown>>): AttemptRow {
  return {
    id: String(row.id),
    deliveryId: String(row.delivery_id),
    handler: String(row.handler),
    attempt: Number(row.attempt),
    outcome: String(row.outcome),
    startedAt: Number(row.started_at),
    endedAt: Number(row.ended_at),
    error: row.error === null ? null : String(row.error),
    instance: String(row.instance),
  };
}
