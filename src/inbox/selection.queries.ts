import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { raw, sql, type Sql } from '../database/sql.js';
import type { DeliverySelection } from './delivery.selection.js';
import { HandlerRun } from './handler-run.entity.js';
import { hasIndex, merged, records, type DeliveryRecord } from './inbox.queries.js';
import { Tables } from './tables.js';

/** Rows that one query looks at. It takes some milliseconds, however many deliveries there are and few are selected. */
const WINDOW_ROWS = 500;
/** Ids begin with the time of the host's clock; `received_at` is of the database's. */
const MAX_CLOCK_DIFFERENCE_MS = 3_600_000;

/** Part of the deliveries, in the order of their ids. */
interface Range {
  readonly from?: string;
  readonly before?: string;
}

/** Goes through deliveries by a selection, in small queries that read no body. */
@Injectable()
export class SelectionQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly clock: Clock,
  ) {}

  /** Yields the selected deliveries, newest first. Leaves out what is received, or comes to its state, from now on. */
  async *pages(selection: DeliverySelection): AsyncGenerator<DeliveryRecord[]> {
    const asOf = this.clock.now();
    let range = rangeOf(selection);
    for (;;) {
      const window = await this.window(selection, range);
      const ids = window.filter(({ state }) => !selection.state || state === selection.state).map(({ id }) => id);
      const page = ids.length > 0 ? await this.selected(ids, selection, asOf) : [];
      if (page.length > 0) yield page;
      const last = window.at(-1);
      if (!last || window.length < WINDOW_ROWS) return;
      range = { ...range, before: last.id };
    }
  }

  /** Reads the newest ids of a range: of the state where an index has them, else of every state. */
  private async window(
    { state }: DeliverySelection,
    { from, before }: Range,
  ): Promise<{ id: string; state: string }[]> {
    const conditions: Sql[] = [
      sql`1 = 1`,
      ...(state && hasIndex(state) ? [sql`state = ${state} AND state IN ('dead', 'unhandled', 'discarded')`] : []),
      ...(from ? [sql`delivery_id >= ${from}`] : []),
      ...(before ? [sql`delivery_id < ${before}`] : []),
    ];
    const where = conditions.reduce((all, condition) => sql`${all} AND ${condition}`);
    const { records: rows } = await this.connection.execute(
      sql`SELECT delivery_id, state FROM ${this.tables.deliveryState} WHERE ${where}
          ORDER BY delivery_id DESC LIMIT ${raw(String(WINDOW_ROWS))}`,
      'operating',
    );
    return rows.map((row) => ({ id: String(row.delivery_id), state: String(row.state) }));
  }

  private async selected(
    ids: readonly string[],
    { state, status, tenant, handler, error, receivedBetween }: DeliverySelection,
    asOf: number,
  ): Promise<DeliveryRecord[]> {
    const found = await this.connection.read((manager) => {
      const query = records(manager).where('s.deliveryId IN (:...ids)', { ids }).orderBy('s.deliveryId', 'DESC');
      query.andWhere('(s.finishedAt IS NULL OR s.finishedAt <= :asOf)', { asOf });
      if (state) query.andWhere('s.state = :state', { state });
      if (status) query.andWhere('d.status = :status', { status });
      if (tenant !== undefined) query.andWhere('d.tenant = :tenant', { tenant });
      if (receivedBetween) {
        const [from, until] = receivedBetween.map((moment) => Math.ceil(Number(moment)));
        query.andWhere('d.receivedAt >= :from AND d.receivedAt < :until', { from, until });
      }
      if (handler !== undefined || error !== undefined) whereRun(query, handler, error);
      return query.getMany();
    });
    return found.map(merged);
  }
}

function whereRun<T extends object>(query: SelectQueryBuilder<T>, handler?: string, error?: string): void {
  const run = query.subQuery().select('r.handler').from(HandlerRun, 'r');
  run.where('r.deliveryId = s.deliveryId').andWhere(`r.state <> 'completed'`);
  if (handler !== undefined) run.andWhere('r.handler = :handler');
  if (error !== undefined) run.andWhere(`LOWER(r.lastError) LIKE LOWER(:error) ESCAPE '!'`);
  const pattern = error === undefined ? undefined : `%${error.replaceAll(/[!%_]/g, '!$&')}%`;
  query.andWhere(`EXISTS ${run.getQuery()}`).setParameters({ handler, error: pattern });
}

/** Returns the ids of a period, with room for clocks that differ. */
function rangeOf({ receivedBetween }: DeliverySelection): Range {
  if (!receivedBetween) return {};
  const [from, until] = receivedBetween.map(Number) as [number, number];
  return { from: firstIdAt(from - MAX_CLOCK_DIFFERENCE_MS), before: firstIdAt(until + MAX_CLOCK_DIFFERENCE_MS) };
}

/** Returns the lowest UUIDv7 of a moment. */
function firstIdAt(milliseconds: number): string {
  const time = Math.min(Math.max(0, Math.floor(milliseconds)), 2 ** 48 - 1);
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
