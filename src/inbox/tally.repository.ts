import { Injectable } from '@nestjs/common';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { DatabaseConnection } from '../database/database.connection.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import { oldestDueAt } from './state-index.queries.js';
import type { TallyRow } from './tally.entity.js';
import { Tables } from './tables.js';

/** Rows that are read and added up at once. */
const SLICE_ROWS = 2_000;
/** A synchronous driver stops the event loop meanwhile. */
const SLICE_ROWS_OF_FILE = 500;

/** A row of an instance, which it writes anew as it grows. */
export type NewTally = Readonly<TallyRow>;

/** Counts of an instance in a minute or an hour. */
export type CountedRow = Omit<NewTally, 'width'>;

/** Time, and what was counted in it. */
export interface TallyRange {
  readonly from: number;
  /** End. */
  readonly to: number;
  /** Undefined for all. */
  readonly subject?: string;
}

/** Keeps counts of instances by minute and hour. */
@Injectable()
export class TallyRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Returns the statement that writes rows anew. Undefined if there are none. */
  upsertStatement(tallies: readonly NewTally[]): Sql | undefined {
    if (tallies.length === 0) return undefined;
    const { dialect } = this.connection;
    const rows = tallies.map(({ width, bucket, subject, instance, counts }) => {
      return sql`(${join([width, bucket, subject, instance, counts])})`;
    });
    return sql`${dialect.insertInto(this.tables.tally)} (width, bucket, subject, instance, counts) VALUES ${join(rows)}
      ${dialect.onConflict('width, bucket, subject, instance', sql`counts = ${dialect.incoming('counts')}`)}`;
  }

  /**
   * Yields the counts of a time, of all instances, some rows at a time: what is made of them does not stop others for
   * long. Those of one subject if it is given.
   */
  async *slices(width: 60 | 3_600, { from, to, subject }: TallyRange): AsyncGenerator<CountedRow[]> {
    const atOnce = this.connection.dialect.isServer ? SLICE_ROWS : SLICE_ROWS_OF_FILE;
    // A constant would be taken out of the order, which would then be none of the index.
    const isOfSubject = subject === undefined ? raw('') : sql`AND subject >= ${subject} AND subject <= ${subject}`;
    let last: Omit<CountedRow, 'counts'> = { bucket: from, subject: '', instance: '' };
    for (let isEnd = false; !isEnd;) {
      const isBehind = sql`bucket > ${last.bucket} OR subject > ${last.subject}
        OR (subject = ${last.subject} AND instance > ${last.instance})`;
      const { records } = await this.connection.execute(
        sql`SELECT bucket, subject, instance, counts FROM ${this.tables.tally}
            WHERE width = ${width} AND bucket >= ${last.bucket} AND bucket < ${to} ${isOfSubject} AND (${isBehind})
            ORDER BY bucket, subject, instance LIMIT ${raw(String(atOnce))}`,
        'operating',
      );
      const rows = records.map(toCountedRow);
      yield rows;
      isEnd = rows.length < atOnce;
      last = rows.at(-1) ?? last;
      if (!isEnd) await othersTurn();
    }
  }

  /** Returns the begin of the earliest hour or minute that is kept; null without one. */
  async since(): Promise<number | null> {
    const { records } = await this.connection.execute(
      sql`SELECT (SELECT MIN(bucket) FROM ${this.tables.tally} WHERE width = 60) AS minute,
                 (SELECT MIN(bucket) FROM ${this.tables.tally} WHERE width = 3600) AS hour`,
      'operating',
    );
    const known = [records[0]?.minute, records[0]?.hour].filter((at) => at !== null && at !== undefined).map(Number);
    return known.length > 0 ? Math.min(...known) : null;
  }

  /** Returns the time for which the oldest delivery is due; undefined if none is pending. */
  oldestDueAt(): Promise<number | undefined> {
    return oldestDueAt(this.connection, this.tables);
  }

  /** Deletes what began before a time. */
  async prune(width: 60 | 3_600, before: number): Promise<void> {
    await this.connection.execute(
      sql`DELETE FROM ${this.tables.tally} WHERE width = ${raw(String(width))} AND bucket < ${before}`,
    );
  }
}

function toCountedRow({ bucket, subject, instance, counts }: Readonly<Record<string, unknown>>): CountedRow {
  return { bucket: Number(bucket), subject: String(subject), instance: String(instance), counts: String(counts) };
}
