import { Injectable } from '@nestjs/common';
import { queryWithLimit } from '../database/limited.query.js';
import type { VerificationStatus } from '../contract/verification-status.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { allOf, join, raw, sql, type Sql } from '../database/sql.js';
import { lowestIdAt, SEARCH_CLOCK_MARGIN_MS } from './delivery.identity.js';
import { selectRecords, toRecord, type DeliveryRecord } from './delivery-record.queries.js';
import type { DeathReason, DeliveryState } from './delivery-state.entity.js';
import { hasIndex, INDEXED } from './state-index.queries.js';
import { contains } from './selection.queries.js';
import { Tables } from './tables.js';
import type { Place } from './windowed.search.js';

/** Conditions on deliveries. A delivery must meet all of them. */
export interface DeliverySearch {
  readonly state?: DeliveryState | undefined;
  readonly status?: VerificationStatus | undefined;
  readonly platformId?: number | undefined;
  /** Dead for this reason. */
  readonly reason?: DeathReason | undefined;
  /** One of these tenants. */
  readonly tenants?: readonly string[] | undefined;
  /** Received at this time or later. */
  readonly from?: number | undefined;
  /** Received before this time. */
  readonly to?: number | undefined;
  /** A handler that has not completed has this id. */
  readonly handler?: string | undefined;
  /** A handler that has not completed has this text in its last error. */
  readonly error?: string | undefined;
  /** Order. `due` is of pending ones only: the next attempt first. */
  readonly sort?: 'received' | 'due' | undefined;
}

/** Index that is walked for a search. */
export interface Source {
  readonly table: Sql;
  /** Column of the id. */
  readonly id: string;
  readonly conditions: readonly Sql[];
  /** Order of the rows, the newest first. */
  readonly order: Sql;
  /** True if not every row of it matches. */
  readonly isFiltered: boolean;
}

/** Queries of the search of deliveries. Each walks an index, or looks at the rows of one window. */
@Injectable()
export class DeliverySearchQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Chooses the index whose rows are the fewest that have to be looked at. */
  async sourceOf(search: DeliverySearch, scan: number, timeoutMs: number): Promise<Source> {
    const { state, tenants, sort } = search;
    const { delivery, deliveryState } = this.tables;
    const { status, platformId, reason, from, to, handler, error } = search;
    const isFiltered = [status, platformId, reason, from, to, handler, error].some((value) => value !== undefined);
    const states = { table: sql`${deliveryState}`, id: 'delivery_id', order: raw('delivery_id DESC') };
    const isBeyondTenant = isFiltered || tenants !== undefined;
    const indexed = state && INDEXED[state];
    if (indexed && hasIndex(state)) {
      const conditions = [sql`state = ${state}`, raw(unqualified(indexed))];
      return { ...states, conditions, isFiltered: isBeyondTenant };
    }
    if (indexed && (sort === 'due' || (await this.isFew(unqualified(indexed), scan, timeoutMs)))) {
      // They are sorted: this expression is not the primary key, which would be walked past all other rows.
      const order = raw(`COALESCE(delivery_id, '') DESC`);
      return { ...states, order, conditions: [raw(unqualified(indexed))], isFiltered: isBeyondTenant };
    }
    const [tenant] = tenants?.length === 1 ? tenants : [];
    if (tenant) {
      const conditions = [this.connection.dialect.isAt('tenant', tenant), raw(`tenant <> ''`)];
      const order = raw('tenant DESC, id DESC'); // as the index has it, where the condition is a range
      return { table: delivery, id: 'id', order, conditions, isFiltered: isFiltered || state !== undefined };
    }
    return { ...states, conditions: [], isFiltered: isBeyondTenant || state !== undefined };
  }

  /** Reads the next places of an index. */
  async places(
    { table, id, conditions, order }: Source,
    { from, to, sort }: DeliverySearch,
    after: Place | undefined,
    count: number,
    timeoutMs: number,
  ): Promise<Place[]> {
    if (sort === 'due') return this.duePlaces(after, count, timeoutMs);
    const all = [
      ...conditions,
      ...(from === undefined ? [] : [sql`${raw(id)} >= ${lowestIdAt(from - SEARCH_CLOCK_MARGIN_MS)}`]),
      ...(to === undefined ? [] : [sql`${raw(id)} < ${lowestIdAt(to + SEARCH_CLOCK_MARGIN_MS)}`]),
      ...(after ? [sql`${raw(id)} < ${after.id}`] : []),
    ];
    const rows = await this.read(
      sql`SELECT ${raw(id)} AS id FROM ${table} WHERE ${allOf(all)} ORDER BY ${order} ${limit(count)}`,
      timeoutMs,
    );
    return rows.map((row) => ({ id: String(row.id) }));
  }

  /** Returns the time at which the newest delivery was received; null without one. */
  async newestReceivedAt(timeoutMs: number): Promise<number | null> {
    const newest = sql`SELECT received_at FROM ${this.tables.delivery} ORDER BY id DESC ${limit(1)}`;
    const [row] = await this.read(newest, timeoutMs);
    return row ? Number(row.received_at) : null;
  }

  private async duePlaces(after: Place | undefined, count: number, timeoutMs: number): Promise<Place[]> {
    const { id = '', at = 0 } = after ?? {};
    const isAfter = sql`next_attempt_at >= ${at} AND (next_attempt_at > ${at} OR delivery_id > ${id})`;
    const rows = await this.read(
      sql`SELECT delivery_id, next_attempt_at FROM ${this.tables.deliveryState}
          WHERE next_attempt_at IS NOT NULL AND ${isAfter} ORDER BY next_attempt_at, delivery_id ${limit(count)}`,
      timeoutMs,
    );
    return rows.map((row) => ({ id: String(row.delivery_id), at: Number(row.next_attempt_at) }));
  }

  /** Reads the deliveries of a window that meet all conditions. */
  async matching(ids: readonly string[], search: DeliverySearch, timeoutMs: number): Promise<DeliveryRecord[]> {
    const { handler, error } = search;
    const isByRun = handler !== undefined || error !== undefined;
    const among = isByRun ? await this.withRun(ids, search, timeoutMs) : ids;
    if (among.length === 0) return [];
    const conditions = [this.connection.dialect.isOneOf('s.delivery_id', among), ...factsOf(search)];
    return (await this.read(selectRecords(this.tables, allOf(conditions)), timeoutMs)).map(toRecord);
  }

  private async withRun(ids: readonly string[], search: DeliverySearch, timeoutMs: number): Promise<string[]> {
    const runs = sql`SELECT DISTINCT delivery_id FROM ${this.tables.handlerRun} WHERE ${this.isFailedRun(ids, search)}`;
    return (await this.read(runs, timeoutMs)).map((row) => String(row.delivery_id));
  }

  private isFailedRun(ids: readonly string[], { handler, error }: DeliverySearch): Sql {
    return allOf([
      this.connection.dialect.isOneOf('delivery_id', ids),
      sql`state <> 'completed'`,
      ...(handler === undefined ? [] : [sql`handler = ${handler}`]),
      ...(error === undefined ? [] : [contains('last_error', error)]),
    ]);
  }

  private async isFew(indexed: string, scan: number, timeoutMs: number): Promise<boolean> {
    const some = sql`SELECT 1 AS one FROM ${this.tables.deliveryState} WHERE ${raw(indexed)} ${limit(scan + 1)}`;
    const [row] = await this.read(sql`SELECT COUNT(*) AS n FROM (${some}) few`, timeoutMs);
    return Number(row?.n) <= scan;
  }

  private read(statement: Sql, timeoutMs: number): Promise<Record<string, unknown>[]> {
    return queryWithLimit(this.connection, statement, timeoutMs);
  }
}

/** Returns the conditions on the facts and the state of a delivery. */
function factsOf({ state, status, platformId, reason, tenants, from, to }: DeliverySearch): Sql[] {
  return [
    ...(state === undefined ? [] : [sql`s.state = ${state}`]),
    ...(status === undefined ? [] : [sql`d.status = ${status}`]),
    ...(platformId === undefined ? [] : [sql`d.platform_id = ${platformId}`]),
    ...(reason === undefined ? [] : [sql`s.reason = ${reason}`]),
    ...(tenants === undefined ? [] : [sql`d.tenant IN (${join(tenants)})`]),
    ...(from === undefined ? [] : [sql`d.received_at >= ${from}`]),
    ...(to === undefined ? [] : [sql`d.received_at < ${to}`]),
  ];
}

/** Returns a condition of an index without the name of the table, as the index has it. */
function unqualified(condition: string): string {
  return condition.replaceAll('s.', '');
}

function limit(count: number): Sql {
  return raw(`LIMIT ${Math.trunc(count)}`);
}
