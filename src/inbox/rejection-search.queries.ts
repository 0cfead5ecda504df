import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { queryWithLimit } from '../database/limited.query.js';
import { allOf, join, raw, sql, type Sql } from '../database/sql.js';
import { lowestIdAt, SEARCH_CLOCK_MARGIN_MS } from './delivery.identity.js';
import { REJECTION_COLUMNS, toRejectionRecord, type RejectionRecord } from './rejection.queries.js';
import type { RejectionReason, RejectionState } from './rejection.entity.js';
import { Tables } from './tables.js';
import { searchInWindows, type Found, type Place, type SearchBounds } from './windowed.search.js';

/** Conditions on rejections. A rejection must meet all of them. */
export interface RejectionSearch {
  readonly state: RejectionState;
  readonly reason?: RejectionReason | undefined;
  /** One of these tenants. */
  readonly tenants?: readonly string[] | undefined;
  /** First received at this time or later. */
  readonly from?: number | undefined;
  /** First received before this time. */
  readonly to?: number | undefined;
}

/** Searches rejections for operators, newest first, along the index of their states. */
@Injectable()
export class RejectionSearchQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  list(
    search: RejectionSearch,
    after: Place | undefined,
    bounds: SearchBounds,
    timeoutMs: number,
  ): Promise<Found<RejectionRecord>> {
    const conditions = factsOf(search);
    const walk = {
      isFiltered: conditions.length > 0,
      places: (from: Place | undefined, count: number) => this.places(search, from, count, timeoutMs),
      matching: (ids: readonly string[]) => this.among('id', ids, conditions, timeoutMs),
    };
    return searchInWindows(this.connection.dialect, walk, after, bounds);
  }

  /** Finds rejections by a column that has an index, newest first. */
  async findBy(
    column: 'id' | 'session_key' | 'reference_key',
    values: readonly string[],
    { tenants, most }: { tenants: readonly string[] | undefined; most: number },
    timeoutMs: number,
  ): Promise<RejectionRecord[]> {
    if (values.length === 0 || tenants?.length === 0) return [];
    const isPresent = column === 'id' ? [] : [raw(`${column} IS NOT NULL`)];
    const isOfTenant = tenants === undefined ? [] : [sql`tenant IN (${join(tenants)})`];
    return this.among(column, values, [...isPresent, ...isOfTenant], timeoutMs, most);
  }

  private async places(
    { state, from, to }: RejectionSearch,
    after: Place | undefined,
    count: number,
    timeoutMs: number,
  ): Promise<Place[]> {
    const conditions = [
      sql`state = ${state}`,
      ...(from === undefined ? [] : [sql`id >= ${lowestIdAt(from - SEARCH_CLOCK_MARGIN_MS)}`]),
      ...(to === undefined ? [] : [sql`id < ${lowestIdAt(to + SEARCH_CLOCK_MARGIN_MS)}`]),
      ...(after ? [sql`id < ${after.id}`] : []),
    ];
    const query = sql`SELECT id FROM ${this.tables.rejection} WHERE ${allOf(conditions)}
      ORDER BY id DESC LIMIT ${raw(String(Math.trunc(count)))}`;
    return (await queryWithLimit(this.connection, query, timeoutMs)).map((row) => ({ id: String(row.id) }));
  }

  private async among(
    column: string,
    values: readonly string[],
    conditions: readonly Sql[],
    timeoutMs: number,
    most = values.length,
  ): Promise<RejectionRecord[]> {
    const all = allOf([this.connection.dialect.isOneOf(column, values), ...conditions]);
    const query = sql`SELECT ${REJECTION_COLUMNS} FROM ${this.tables.rejection} WHERE ${all}
      ORDER BY COALESCE(id, '') DESC LIMIT ${raw(String(most))}`;
    return (await queryWithLimit(this.connection, query, timeoutMs)).map(toRejectionRecord);
  }
}

function factsOf({ reason, tenants, from, to }: RejectionSearch): Sql[] {
  return [
    ...(reason === undefined ? [] : [sql`reason = ${reason}`]),
    ...(tenants === undefined ? [] : [sql`tenant IN (${join(tenants)})`]),
    ...(from === undefined ? [] : [sql`first_received_at >= ${from}`]),
    ...(to === undefined ? [] : [sql`first_received_at < ${to}`]),
  ];
}
