import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { DeliveryState } from './delivery-state.entity.js';
import { idempotencyKey } from './delivery.identity.js';
import { selectRecords, toRecord, type DeliveryRecord } from './delivery-record.queries.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { referenceKey } from './content.columns.js';
import { PayloadCodec, type OpenedText } from './payload.codec.js';
import { allOf, anyOf, raw, sql, type Sql } from '../database/sql.js';
import { countIndexed } from './index-count.queries.js';
import { hasIndex, INDEXED, oldestDueAt, rowsByState } from './state-index.queries.js';
import { Tables } from './tables.js';
import type { RejectionReason, RejectionState } from './rejection.entity.js';

/** Deliveries that are counted one by one. The number of any more is taken from the statistics of the database. */
const MAX_COUNTED = 10_000;

/** Ids that a query sorts. */
const MAX_SORTED = 10_000;

/**
 * Conditions on the deliveries of a list. A delivery must meet all of them.
 *
 * @publicApi
 */
export interface DeliveryFilter {
  /** Only deliveries in this state. @default every state */
  state?: DeliveryState;
  /** Only deliveries with this reference, exactly. In a sealed inbox, only those of `tenant`. */
  externalReferenceId?: string;
  /** Only deliveries of this tenant. @default every tenant; with a reference in a sealed inbox, no tenant */
  tenant?: string;
  /** Id of a delivery: only those received before it. Pass the last id of a page for the next one. */
  before?: string;
  /** Most deliveries to return, up to 1000. @default 50 */
  limit?: number;
}

/**
 * Conditions on the rejections of a list. A rejection must meet all of them.
 *
 * @publicApi
 */
export interface RejectionFilter {
  /** Only rejections in this state. @default 'open' */
  state?: RejectionState;
  /** Only rejections for this reason. @default every reason */
  reason?: RejectionReason;
  /** Id of a rejection: only those first received before it. Pass the last id of a page for the next one. */
  before?: string;
  /** Most rejections to return, up to 1000. @default 50 */
  limit?: number;
}

/** Counts of the inbox, the same on every instance. */
export type InboxCounts = Record<DeliveryState, number> & { openRejections: number; oldestDue: number };

/** Reads deliveries and statistics for operators. Lists leave `rawBody` out. */
@Injectable()
export class InboxQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly clock: Clock,
    private readonly codec: PayloadCodec,
  ) {}

  /** Finds a delivery with its raw body, by its id or its session. */
  async find(
    key: string | { sessionId: string; tenant?: string },
  ): Promise<{ record: DeliveryRecord; body: OpenedText } | null> {
    const condition =
      typeof key === 'string'
        ? sql`d.id = ${key}`
        : sql`d.idempotency_key = ${idempotencyKey(key.tenant ?? '', key.sessionId)}`;
    const [row] = await this.select(selectRecords(this.tables, condition, ', d.raw_body'));
    if (!row) return null;
    const record = toRecord(row);
    const { id, tenant } = record;
    const body = await this.codec.decode(String(row.raw_body), { column: 'delivery.raw_body', row: id, tenant });
    return { record, body };
  }

  /** Returns the tenant of a delivery; empty without one, and for an unknown delivery. */
  async tenantOf(id: string): Promise<string> {
    const [row] = await this.select(sql`SELECT tenant FROM ${this.tables.delivery} WHERE id = ${id}`);
    return String(row?.tenant ?? '');
  }

  /** Returns deliveries, newest first. */
  async list(filter: DeliveryFilter): Promise<DeliveryRecord[]> {
    const { state } = filter;
    const ids = await this.page(filter);
    if (ids.length === 0) return [];
    const isListed = this.connection.dialect.isOneOf('s.delivery_id', ids);
    const found = (await this.select(selectRecords(this.tables, isListed))).map(toRecord);
    return found.filter((delivery) => !state || delivery.state === state); // it may have changed since
  }

  /** Returns the ids of a page. They are found by an index, whatever the database knows of its tables. */
  private async page(filter: DeliveryFilter): Promise<string[]> {
    const { delivery, deliveryState } = this.tables;
    const { state, before, limit = 50 } = filter;
    const facts = await this.factsOf(filter);
    const indexed = state && INDEXED[state];
    const isByState = facts.length === 0 || (indexed !== undefined && filter.externalReferenceId === undefined);
    const id = raw(isByState ? 's.delivery_id' : 'd.id');
    // One that waits or is processed is known by its time alone, without a look at its row.
    const states = state && (!indexed || hasIndex(state)) ? [sql`s.state = ${state}`] : [];
    if (indexed) states.push(raw(indexed));
    const [direct, others, table, other] = isByState
      ? ([states, facts, sql`${deliveryState} s`, sql`${delivery} d`] as const)
      : ([facts, states, sql`${delivery} d`, sql`${deliveryState} s`] as const);
    const isSorted = isByState && indexed && !hasIndex(state) && (await this.isFew(indexed));
    const order = isSorted ? sql`COALESCE(${id}, '')` : id;
    const first = raw(isByState || filter.externalReferenceId !== undefined ? '' : 'd.tenant DESC,');
    const exists = sql`EXISTS (SELECT 1 FROM ${other} WHERE ${allOf([raw('d.id = s.delivery_id'), ...others])})`;
    const conditions = [
      ...direct,
      ...(before ? [sql`${order} < ${before}`] : []),
      ...(others.length > 0 ? [exists] : []),
    ];
    const rows = await this.select(
      sql`SELECT ${id} AS id FROM ${table} WHERE ${allOf(conditions)} ORDER BY ${first} ${order} DESC LIMIT ${raw(String(Math.trunc(limit)))}`,
    );
    return rows.map((row) => String(row.id));
  }

  /**
   * Tells whether an index has few enough rows to sort them. SQLite would look through all rows to read them sorted.
   */
  private async isFew(indexed: string): Promise<boolean> {
    const some = sql`SELECT 1 AS one FROM ${this.tables.deliveryState} s WHERE ${raw(indexed)} LIMIT ${raw(String(MAX_SORTED + 1))}`;
    const [row] = await this.select(sql`SELECT COUNT(*) AS n FROM (${some}) few`);
    return Number(row?.n) <= MAX_SORTED;
  }

  /** Returns the conditions on what was received, written as the indexes are. */
  private async factsOf(filter: DeliveryFilter): Promise<Sql[]> {
    const { externalReferenceId, tenant } = filter;
    const ofTenant = tenant === undefined ? [] : [this.connection.dialect.isAt('d.tenant', tenant)];
    if (externalReferenceId === undefined) return tenant ? [...ofTenant, raw(`d.tenant <> ''`)] : ofTenant;
    const key = await this.referenceKeyOf(filter);
    const isPlain = sql`d.external_reference_id = ${externalReferenceId}`;
    return [...ofTenant, key === null ? isPlain : anyOf([isPlain, sql`d.reference_key = ${key}`])];
  }

  private async referenceKeyOf({ externalReferenceId, tenant = '' }: DeliveryFilter): Promise<string | null> {
    if (externalReferenceId === undefined || !this.codec.isKeyed) return null;
    const key = referenceKey(this.codec, tenant, externalReferenceId);
    if (key !== null) return key;
    await this.codec.prepareLookup(tenant);
    return referenceKey(this.codec, tenant, externalReferenceId);
  }

  /** Counts by indexes, whatever the number of completed deliveries. */
  async stats(): Promise<InboxCounts> {
    const { deliveryState, rejection } = this.tables;
    const open = { table: rejection, condition: raw(`state = 'open'`), column: 'id' };
    const rows = { ...rowsByState(deliveryState), openRejections: open };
    const { openRejections, ...counts } = await countIndexed(this.connection, rows, 'operating');
    const oldestDue = await this.oldestDue();
    const others = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { ...counts, openRejections, completed: await this.countCompleted(() => others), oldestDue };
  }

  private async oldestDue(): Promise<number> {
    const due = await oldestDueAt(this.connection, this.tables, 'operating');
    const now = this.clock.now();
    return now - Math.min(due ?? now, now);
  }

  /**
   * Counts completed deliveries as `stats()` does.
   *
   * @param others number of those in all other states but `erased`
   */
  completedBeside(others: number): Promise<number> {
    return this.countCompleted(async () => others + (await this.countErased()));
  }

  private async countErased(): Promise<number> {
    const { erased } = rowsByState(this.tables.deliveryState);
    return (await countIndexed(this.connection, { erased }, 'operating')).erased;
  }

  /** Counts some rows, whatever they are. If these are all, the number is exact. */
  private async countCompleted(others: () => number | Promise<number>): Promise<number> {
    const { deliveryState } = this.tables;
    const some = sql`SELECT state FROM ${deliveryState} LIMIT ${raw(String(MAX_COUNTED + 1))}`;
    const [row] = await this.select(
      sql`SELECT COUNT(*) AS n, SUM(CASE WHEN state = 'completed' THEN 1 ELSE 0 END) AS completed FROM (${some}) sample`,
    );
    const completed = Number(row?.completed ?? 0);
    if (Number(row?.n) <= MAX_COUNTED) return completed;
    const [estimate] = await this.select(this.connection.dialect.estimateRows(deliveryState));
    return Math.max(completed, Number(estimate?.n ?? 0) - (await others()));
  }

  private async select(statement: Sql): Promise<Record<string, unknown>[]> {
    return (await this.connection.execute(statement, 'operating')).records;
  }
}
