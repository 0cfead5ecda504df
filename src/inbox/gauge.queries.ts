import { Injectable } from '@nestjs/common';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { raw, sql, type Sql } from '../database/sql.js';
import type { InboxGauges } from '../instrumentation/inbox.gauges.js';
import { countIndexed } from './index-count.queries.js';
import { REJECTION_REASONS } from './selection.checks.js';
import { dueTimes, IS_ENDED, rowsByState } from './state-index.queries.js';
import { Tables } from './tables.js';

/** Rejections that are counted. Nobody decides on more of them one by one. */
const MAX_COUNTED = 10_000;

/** Bodies may stand beside the reasons: a synchronous driver stops the event loop for as long as it reads them. */
const SLICE_REJECTIONS = 250;

type Numbers = Map<string, number | undefined>;

/** Reads the numbers that probes and metrics ask for, by indexes alone: in one statement, in small ones of a file. */
@Injectable()
export class GaugeQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly clock: Clock,
  ) {}

  async read(): Promise<InboxGauges> {
    const { isServer } = this.connection.dialect;
    const numbers = isServer ? await this.numbersOf(this.statement()) : await this.numbersOfFile();
    const count = (name: string) => numbers.get(name) ?? 0;
    const now = this.clock.now();
    return {
      pending: count('pending'),
      processing: count('processing'),
      dead: count('dead'),
      unhandled: count('unhandled'),
      discarded: count('discarded'),
      oldestDue: now - Math.min(numbers.get('due') ?? now, numbers.get('expired') ?? now, now),
      openRejections: Object.fromEntries(Object.keys(REJECTION_REASONS).map((reason) => [reason, count(reason)])),
    };
  }

  private async numbersOf(statement: Sql): Promise<Numbers> {
    const { records } = await this.connection.execute(statement, 'urgent');
    return new Map(records.map(({ name, n }) => [String(name), n === null ? undefined : Number(n)]));
  }

  private async numbersOfFile(): Promise<Numbers> {
    const { erased: _, ...rows } = rowsByState(this.tables.deliveryState);
    const counts = await countIndexed(this.connection, rows, 'urgent');
    const times = await this.numbersOf(dueTimes(this.tables));
    return new Map([...Object.entries(counts), ...times, ...(await this.openRejectionsOfFile())]);
  }

  private async openRejectionsOfFile(): Promise<Map<string, number>> {
    const reasons = new Map<string, number>();
    for (let [last, looked, isEnd] = ['', 0, false]; !isEnd && looked < MAX_COUNTED;) {
      const { records } = await this.connection.execute(
        sql`SELECT id, reason FROM ${this.tables.rejection} WHERE state = 'open' AND id > ${last}
            ORDER BY id LIMIT ${raw(String(SLICE_REJECTIONS))}`,
        'urgent',
      );
      for (const { reason } of records) reasons.set(String(reason), (reasons.get(String(reason)) ?? 0) + 1);
      [last, looked, isEnd] = [String(records.at(-1)?.id), looked + records.length, records.length < SLICE_REJECTIONS];
      await othersTurn();
    }
    return reasons;
  }

  private statement(): Sql {
    const { deliveryState, rejection } = this.tables;
    // The second condition is that of the index. Tombstones are not counted: there may be many.
    const isEnded = raw(`state IN ('dead', 'unhandled', 'discarded') AND ${IS_ENDED}`);
    const open = sql`SELECT reason FROM ${rejection} WHERE state = 'open' LIMIT ${raw(String(MAX_COUNTED))}`;
    return sql`${dueTimes(this.tables)}
      UNION ALL SELECT 'pending', COUNT(*) FROM ${deliveryState} WHERE next_attempt_at IS NOT NULL
      UNION ALL SELECT 'processing', COUNT(*) FROM ${deliveryState} WHERE lease_expires_at IS NOT NULL
      UNION ALL SELECT state, COUNT(*) FROM ${deliveryState} WHERE ${isEnded} GROUP BY state
      UNION ALL SELECT reason, COUNT(*) FROM (${open}) few GROUP BY reason`;
  }
}
