import { Injectable } from '@nestjs/common';
import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { Clock } from '../clock.js';
import { Delivery } from './delivery.entity.js';
import { DeliveryStateRow, type DeliveryState } from './delivery-state.entity.js';
import { idempotencyKey } from './delivery.identity.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { referenceKey } from './content.columns.js';
import { PayloadCodec, type OpenedText } from './payload.codec.js';
import { allOf, anyOf, raw, sql, type Sql } from '../database/sql.js';
import { Tables } from './tables.js';
import type { RejectionReason, RejectionState } from './rejection.entity.js';

/** Deliveries that are counted one by one. The number of any more is taken from the statistics of the database. */
const MAX_COUNTED = 10_000;

/** Rows that are read at a time. TypeORM makes entities of them without a pause. */
const MAX_READ_ROWS = 200;

/** Ids that a query sorts. */
const MAX_SORTED = 10_000;

/** Facts that a list reads. */
const FACTS = [
  'id',
  'idempotencyKey',
  'tenant',
  'sessionId',
  'status',
  'platformId',
  'externalReferenceId',
  'receivedAt',
  'keyId',
] as const satisfies (keyof Delivery)[];

/** A delivery without its body. */
export type DeliveryRecord = Pick<Delivery, (typeof FACTS)[number]> & Omit<DeliveryStateRow, 'deliveryId'>;

/**
 * Conditions that hold for every row in a state. They let the partial indexes serve the query, and are written as the
 * indexes are, because SQLite compares the texts.
 */
const INDEXED: Partial<Record<DeliveryState, string>> = {
  pending: 's.next_attempt_at IS NOT NULL',
  processing: 's.lease_expires_at IS NOT NULL',
  dead: `s.state IN ('dead', 'unhandled', 'discarded')`,
  unhandled: `s.state IN ('dead', 'unhandled', 'discarded')`,
  discarded: `s.state IN ('dead', 'unhandled', 'discarded')`,
};

/** Tells whether deliveries in this state are found by it, in the order of their ids. */
export function hasIndex(state: DeliveryState): boolean {
  return state === 'dead' || state === 'unhandled' || state === 'discarded';
}

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
    const byId = typeof key === 'string';
    const value = byId ? key : idempotencyKey(key.tenant ?? '', key.sessionId);
    const where = byId ? 'd.id = :value' : 'd.idempotencyKey = :value';
    const found = await this.connection.read((manager) =>
      records(manager).addSelect('d.rawBody').where(where, { value }).getOne(),
    );
    if (!found) return null;
    const { id, tenant, rawBody } = found.facts;
    const body = await this.codec.decode(rawBody, { column: 'delivery.raw_body', row: id, tenant });
    return { record: merged(found), body };
  }

  /** Returns deliveries, newest first. */
  async list(filter: DeliveryFilter): Promise<DeliveryRecord[]> {
    const { state } = filter;
    const ids = await this.page(filter);
    const found: StateWithFacts[] = [];
    for (let first = 0; first < ids.length; first += MAX_READ_ROWS) {
      const some = ids.slice(first, first + MAX_READ_ROWS);
      found.push(
        ...(await this.connection.read((manager) =>
          records(manager).where('s.deliveryId IN (:...some)', { some }).orderBy('s.deliveryId', 'DESC').getMany(),
        )),
      );
    }
    return found.map(merged).filter((delivery) => !state || delivery.state === state); // it may have changed since
  }

  /** Returns the ids of a page. They are found by an index, whatever the database knows of its tables. */
  private async page(filter: DeliveryFilter): Promise<string[]> {
    const { delivery, deliveryState } = this.tables;
    const { state, before, limit = 50 } = filter;
    const facts = await this.factsOf(filter);
    const indexed = state && INDEXED[state];
    const isByState = facts.length === 0 || (indexed !== undefined && filter.externalReferenceId === undefined);
    const id = raw(isByState ? 's.delivery_id' : 'd.id');
    const states = state ? [sql`s.state = ${state}`, ...(indexed ? [raw(indexed)] : [])] : [];
    const [own, others, table, other] = isByState
      ? ([states, facts, sql`${deliveryState} s`, sql`${delivery} d`] as const)
      : ([facts, states, sql`${delivery} d`, sql`${deliveryState} s`] as const);
    const isSorted = isByState && indexed && !hasIndex(state) && (await this.isFew(indexed));
    const order = isSorted ? sql`COALESCE(${id}, '')` : id;
    const exists = sql`EXISTS (SELECT 1 FROM ${other} WHERE ${allOf([raw('d.id = s.delivery_id'), ...others])})`;
    const conditions = [...own, ...(before ? [sql`${order} < ${before}`] : []), ...(others.length > 0 ? [exists] : [])];
    const rows = await this.select(
      sql`SELECT ${id} AS id FROM ${table} WHERE ${allOf(conditions)} ORDER BY ${order} DESC LIMIT ${raw(String(Math.trunc(limit)))}`,
    );
    return rows.map((row) => String(row.id));
  }

  /** Tells whether an index has few enough rows to sort them. SQLite would look through all rows to read them sorted. */
  private async isFew(indexed: string): Promise<boolean> {
    const some = sql`SELECT 1 AS one FROM ${this.tables.deliveryState} s WHERE ${raw(indexed)} LIMIT ${raw(String(MAX_SORTED + 1))}`;
    const [row] = await this.select(sql`SELECT COUNT(*) AS n FROM (${some}) few`);
    return Number(row?.n) <= MAX_SORTED;
  }

  /** Returns the conditions on what was received, written as the indexes are. */
  private async factsOf(filter: DeliveryFilter): Promise<Sql[]> {
    const { externalReferenceId, tenant } = filter;
    const key = await this.referenceKeyOf(filter);
    const conditions: Sql[] = [];
    if (tenant !== undefined) conditions.push(sql`d.tenant = ${tenant}`);
    if (externalReferenceId === undefined) return tenant ? [...conditions, raw(`d.tenant <> ''`)] : conditions;
    const isPlain = sql`d.external_reference_id = ${externalReferenceId}`;
    return [...conditions, key === null ? isPlain : anyOf([isPlain, sql`d.reference_key = ${key}`])];
  }

  private async referenceKeyOf({ externalReferenceId, tenant = '' }: DeliveryFilter): Promise<string | null> {
    if (externalReferenceId === undefined || !this.codec.isKeyed) return null;
    const key = referenceKey(this.codec, tenant, externalReferenceId);
    if (key !== null) return key;
    await this.codec.prepare(tenant);
    return referenceKey(this.codec, tenant, externalReferenceId);
  }

  /** Counts by indexes, whatever the number of completed deliveries. */
  async stats(): Promise<InboxCounts> {
    const now = this.clock.now();
    const { due, expired, ...open } = await this.countOpen();
    const ended = await this.countEnded();
    const others = Object.values({ ...ended, pending: open.pending, processing: open.processing });
    const completed = await this.countCompleted(others.reduce((sum, count) => sum + count, 0));
    return { ...open, ...ended, completed, oldestDue: now - Math.min(due ?? now, expired ?? now, now) };
  }

  private async countOpen() {
    const { deliveryState, rejection } = this.tables;
    const [row = {}] = await this.select(sql`SELECT
      (SELECT COUNT(*) FROM ${deliveryState} WHERE next_attempt_at IS NOT NULL) AS pending,
      (SELECT COUNT(*) FROM ${deliveryState} WHERE lease_expires_at IS NOT NULL) AS processing,
      (SELECT COUNT(*) FROM ${rejection} WHERE state = 'open') AS open_rejections,
      (SELECT MIN(next_attempt_at) FROM ${deliveryState} WHERE next_attempt_at IS NOT NULL) AS due,
      (SELECT MIN(lease_expires_at) FROM ${deliveryState} WHERE lease_expires_at IS NOT NULL) AS expired`);
    return {
      pending: Number(row.pending),
      processing: Number(row.processing),
      openRejections: Number(row.open_rejections),
      due: row.due === null ? undefined : Number(row.due),
      expired: row.expired === null ? undefined : Number(row.expired),
    };
  }

  private async countEnded(): Promise<Record<'dead' | 'unhandled' | 'discarded', number>> {
    const rows = await this.select(sql`SELECT state, COUNT(*) AS n FROM ${this.tables.deliveryState}
      WHERE state IN ('dead', 'unhandled', 'discarded') GROUP BY state`);
    const counts = Object.fromEntries(rows.map(({ state, n }) => [state, Number(n)]));
    return { dead: 0, unhandled: 0, discarded: 0, ...counts };
  }

  /** Counts some rows, whatever they are. If these are all, the number is exact. */
  private async countCompleted(others: number): Promise<number> {
    const { deliveryState } = this.tables;
    const some = sql`SELECT state FROM ${deliveryState} LIMIT ${raw(String(MAX_COUNTED + 1))}`;
    const [row] = await this.select(
      sql`SELECT COUNT(*) AS n, SUM(CASE WHEN state = 'completed' THEN 1 ELSE 0 END) AS completed FROM (${some}) sample`,
    );
    const completed = Number(row?.completed ?? 0);
    if (Number(row?.n) <= MAX_COUNTED) return completed;
    const [estimate] = await this.select(this.connection.dialect.estimateRows(deliveryState));
    return Math.max(completed, Number(estimate?.n ?? 0) - others);
  }

  private async select(statement: Sql): Promise<Record<string, unknown>[]> {
    return (await this.connection.execute(statement, 'operating')).records;
  }
}

/** A state with the facts that belong to it. */
type StateWithFacts = DeliveryStateRow & { facts: Delivery };

export function records(manager: EntityManager): SelectQueryBuilder<StateWithFacts> {
  return manager
    .createQueryBuilder(DeliveryStateRow, 's')
    .innerJoinAndMapOne('s.facts', Delivery, 'd', 'd.id = s.deliveryId')
    .select(['s', ...FACTS.map((fact) => `d.${fact}`)]) as SelectQueryBuilder<StateWithFacts>;
}

export function merged({ facts, ...state }: StateWithFacts): DeliveryRecord {
  return { ...facts, ...state };
}
