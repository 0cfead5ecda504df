import { Injectable } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';
import { DatabaseConnection, type StatementStep } from '../database/database.connection.js';
import type { SqlResult } from '../database/dialect/dialect.js';
import { raw, sql, type Sql } from '../database/sql.js';
import { keysOf } from '../database/unlocked.update.js';
import { lowestIdAt } from '../inbox/delivery.identity.js';
import { Tables } from '../inbox/tables.js';

/** Kind of removal. Each goes through the rows by a cursor of its own. */
export type Removal = 'purge' | 'purgeUndecided' | 'prune' | 'pruneTombstones';

const DAY_MS = 86_400_000;
/** Deliveries that one statement goes through, whatever their state. SQLite stops the event loop meanwhile. */
const WINDOW_ROWS = 5_000;

/** Deliveries that may be removed, by the kind: only in these states, whatever their age. */
const STATES: Record<Removal, Sql> = {
  purge: raw(`state IN ('completed', 'discarded') AND purged_at IS NULL`),
  purgeUndecided: raw(`state IN ('dead', 'unhandled') AND purged_at IS NULL`),
  prune: raw(`state IN ('completed', 'discarded')`),
  pruneTombstones: raw(`state = 'erased'`),
};

/** A delivery that is due, and when it came to its end. */
export interface RemovableDelivery {
  readonly id: string;
  readonly finishedAt: number;
}

/** Removes contents and rows whose time is over. */
@Injectable()
export class RetentionRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /**
   * Returns the time up to which a statement may look from a time on: the cutoff, or earlier if there is more than it
   * may go through. Reads an index only.
   */
  async windowEnd(from: number, cutoff: number): Promise<number> {
    const { records } = await this.connection.execute(
      sql`SELECT finished_at FROM ${this.tables.deliveryState}
          WHERE finished_at IS NOT NULL AND finished_at >= ${from} AND finished_at < ${cutoff}
          ORDER BY finished_at LIMIT 1 OFFSET ${raw(String(WINDOW_ROWS))}`,
    );
    return records[0] ? Number(records[0].finished_at) + 1 : cutoff; // those of one millisecond are in one window
  }

  /** Returns the next deliveries that are due, in the order of their end. Locks nothing. */
  async removable(removal: Removal, from: number, cutoff: number, limit: number): Promise<RemovableDelivery[]> {
    const { records } = await this.connection.execute(
      sql`SELECT delivery_id, finished_at FROM ${this.tables.deliveryState}
          WHERE finished_at IS NOT NULL AND finished_at >= ${from} AND finished_at < ${cutoff} AND ${STATES[removal]}
          ORDER BY finished_at LIMIT ${raw(String(limit))}`,
    );
    return records.map((row) => ({ id: String(row.delivery_id), finishedAt: Number(row.finished_at) }));
  }

  /** Counts what is due, in windows, between which other work has its turn. */
  async countDue(removal: Removal, cutoff: number): Promise<number> {
    let count = 0;
    for (let from = 0; from < cutoff;) {
      const end = await this.windowEnd(from, cutoff);
      const { records } = await this.connection.execute(
        sql`SELECT COUNT(*) AS n FROM ${this.tables.deliveryState}
            WHERE finished_at IS NOT NULL AND finished_at >= ${from} AND finished_at < ${end} AND ${STATES[removal]}`,
        'operating',
      );
      count += Number(records[0]?.n);
      from = end;
      await setImmediate();
    }
    return count;
  }

  /**
   * Empties deliveries that still are in a state that allows it, and came to it before the cutoff, in one transaction.
   * Rows that somebody has locked are left. Returns the ids of those that were emptied.
   */
  purge(
    removal: 'purge' | 'purgeUndecided',
    ids: readonly string[],
    cutoff: number,
    now: number,
  ): Promise<Set<string>> {
    const { delivery, deliveryState, handlerRun, attempt } = this.tables;
    return this.remove(removal, ids, cutoff, (chosen) => [
      () => sql`UPDATE ${deliveryState} SET purged_at = ${now} WHERE ${chosen('delivery_id')}`,
      // The columns that it is found by stay. key_id = '': the contents are gone, but the hashes are keyed.
      () =>
        sql`UPDATE ${delivery} SET raw_body = '', key_id = CASE WHEN key_id IS NULL THEN NULL ELSE '' END WHERE ${chosen('id')}`,
      () => sql`UPDATE ${handlerRun} SET last_error = NULL WHERE ${chosen('delivery_id')} AND last_error IS NOT NULL`,
      () => sql`UPDATE ${attempt} SET error = NULL WHERE ${chosen('delivery_id')} AND error IS NOT NULL`,
    ]);
  }

  /** Deletes deliveries with their runs. Checks state, cutoff and locks as `purge` does. */
  prune(removal: 'prune' | 'pruneTombstones', ids: readonly string[], cutoff: number): Promise<Set<string>> {
    const { delivery, deliveryState, handlerRun, attempt } = this.tables;
    return this.remove(removal, ids, cutoff, (chosen) => [
      () => sql`DELETE FROM ${attempt} WHERE ${chosen('delivery_id')}`,
      () => sql`DELETE FROM ${handlerRun} WHERE ${chosen('delivery_id')}`,
      () => sql`DELETE FROM ${deliveryState} WHERE ${chosen('delivery_id')}`,
      () => sql`DELETE FROM ${delivery} WHERE ${chosen('id')}`,
    ]);
  }

  /** Deletes rejections in a state that were last received before a time, the oldest first. Returns how many. */
  async deleteRejections(state: 'open' | 'accepted' | 'discarded', cutoff: number, limit: number): Promise<number> {
    const { rejection } = this.tables;
    const { dialect } = this.connection;
    const [, deleted] = await this.connection.transactionOf([
      () =>
        sql`SELECT id FROM ${rejection} WHERE ${expired(state, cutoff)} ORDER BY id LIMIT ${raw(String(limit))} ${dialect.skipLocked}`,
      ([chosen]) =>
        chosen?.records.length
          ? sql`DELETE FROM ${rejection} WHERE ${dialect.isOneOf('id', [...keysOf(chosen, 'id')])}`
          : undefined,
    ]);
    return deleted?.affected ?? 0;
  }

  /** Deletes the records of erasures that were requested before a time and are over. */
  async deleteErasures(cutoff: number): Promise<void> {
    await this.connection.execute(
      sql`DELETE FROM ${this.tables.erasure} WHERE state = 'swept' AND requested_at < ${cutoff}`,
    );
  }

  async countRejections(state: 'open' | 'accepted' | 'discarded', cutoff: number): Promise<number> {
    const { records } = await this.connection.execute(
      sql`SELECT COUNT(*) AS n FROM ${this.tables.rejection} WHERE ${expired(state, cutoff)}`,
      'operating',
    );
    return Number(records[0]?.n);
  }

  /** Takes what was removed out of the log of a SQLite file, as far as nobody reads it. */
  async truncateWal(): Promise<void> {
    const { truncateWal } = this.connection.dialect;
    if (truncateWal) await this.connection.execute(truncateWal);
  }

  private async remove(
    removal: Removal,
    ids: readonly string[],
    cutoff: number,
    steps: (chosen: (column: string) => Sql) => readonly StatementStep[],
  ): Promise<Set<string>> {
    const { dialect } = this.connection;
    let chosen: ReadonlySet<string> = new Set();
    const lock = sql`SELECT delivery_id FROM ${this.tables.deliveryState}
      WHERE ${dialect.isOneOf('delivery_id', ids)} AND finished_at < ${cutoff} AND ${STATES[removal]} ${dialect.skipLocked}`;
    const isChosen = (column: string) => dialect.isOneOf(column, [...chosen]);
    const [locked] = await this.connection.transactionOf([
      () => lock,
      ...steps(isChosen).map((step): StatementStep => (results: readonly SqlResult[]) => {
        chosen = keysOf(results[0], 'delivery_id');
        return chosen.size > 0 ? step(results) : undefined;
      }),
    ]);
    return keysOf(locked, 'delivery_id');
  }
}

/** Ids sort by the first receipt, so that the index of the states finds the oldest. A day is left for wrong clocks. */
function expired(state: string, cutoff: number): Sql {
  return sql`state = ${state} AND id < ${lowestIdAt(cutoff + DAY_MS)} AND last_received_at < ${cutoff}`;
}
