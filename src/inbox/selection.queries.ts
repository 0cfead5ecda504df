import { Injectable } from '@nestjs/common';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { allOf, raw, sql, type Sql } from '../database/sql.js';
import type { DeliverySelection } from './selection.checks.js';
import { isWithin, rangeOf, type Range } from './selection-period.queries.js';
import { selectRecords, toRecord, type DeliveryRecord } from './delivery-record.queries.js';
import { hasIndex, IS_ENDED } from './state-index.queries.js';
import { Tables } from './tables.js';
import { WindowSize } from './window.size.js';

/** Rows that one query looks at. It takes some milliseconds, however many deliveries there are and few are selected. */
const WINDOW_ROWS = 500;
/** A synchronous driver stops the event loop meanwhile, and so does what is made of the rows. */
const WINDOW_ROWS_OF_FILE = 100;
/** Rows that are looked at for the next selected ones. */
const MAX_ROWS = 5_000;
/** Deliveries that wait or are in work whose ids are read at once, rather than found among all others. */
const MAX_FEW = 10_000;
/** Ids that a synchronous driver reads at once. */
const FEW_OF_FILE = 500;

/** Time for which a walk uses the ids that it has read at once. */
const FEW_KEPT_MS = 10_000;

/** Times whose indexes have the deliveries in these states, and no others. */
const TIMES = { pending: 'next_attempt_at', processing: 'lease_expires_at' } as const;

/** What the steps of a walk have in common. It begins empty. */
export interface SelectionWalk {
  /** Ids that were read at once, in order, and the time of that. */
  few?: { readonly ids: readonly string[]; readonly readAt: number } | undefined;
}

/** Deliveries that were looked at together. */
interface Window {
  /** Ids of those that were in the state of the selection. There may be none. */
  readonly ids: readonly string[];
  /** Id of the last one that was looked at. */
  readonly last: string;
  /** Number of those that were looked at. */
  readonly rows: number;
  /** True if there are none after it. */
  readonly isEnd: boolean;
}

/** Goes through deliveries by a selection, in small queries that read no body. */
@Injectable()
export class SelectionQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly clock: Clock,
  ) {}

  /**
   * Yields the selected deliveries of each window, newest first. There may be none in a window. Leaves out what is
   * received, or comes to a state other than `pending`, from now on.
   */
  async *pages(selection: DeliverySelection): AsyncGenerator<DeliveryRecord[]> {
    const asOf = this.clock.now();
    for await (const { ids } of this.windows(selection)) yield await this.selectedAmong(ids, selection, asOf);
  }

  /**
   * Returns the next selected deliveries in the order of their ids. It looks at some thousand rows at most, and says how
   * far it came.
   *
   * @param asOf leaves out what came to a state other than `pending` later
   * @param walk the same for each step of a walk: what has come to wait meanwhile is found some seconds later
   */
  async after(
    selection: DeliverySelection,
    cursor: string,
    { asOf, limit, walk }: { asOf: number; limit: number; walk?: SelectionWalk },
  ): Promise<{ records: DeliveryRecord[]; cursor: string; isEnd: boolean }> {
    const records: DeliveryRecord[] = [];
    let [last, looked] = [cursor, 0];
    for await (const window of this.windowsAfter(selection, cursor, walk)) {
      const found = (await this.selectedAmong(window.ids, selection, asOf)).toReversed();
      records.push(...found.slice(0, limit - records.length));
      const isCut = records.length === limit && found.at(-1)?.id !== records.at(-1)?.id;
      last = (isCut ? records.at(-1)?.id : undefined) ?? window.last;
      looked += window.rows;
      if (records.length === limit || looked >= MAX_ROWS)
        return { records, cursor: last, isEnd: window.isEnd && !isCut };
    }
    return { records, cursor: last, isEnd: true };
  }

  /** Yields ids that may be selected in windows of the order of their ids, the oldest behind an id first. */
  async *windowsAfter(selection: DeliverySelection, id: string, walk?: SelectionWalk): AsyncGenerator<Window> {
    const { from, before } = rangeOf(selection);
    const after = from !== undefined && from > id ? from : id;
    yield* this.windows(selection, { after, ...(before !== undefined && { before }) }, walk);
  }

  /** Yields ids that may be selected in windows, the newest first unless the range begins behind an id. */
  async *windows(
    selection: DeliverySelection,
    range: Range = rangeOf(selection),
    walk: SelectionWalk = {},
  ): AsyncGenerator<Window> {
    const { dialect } = this.connection;
    const size = new WindowSize(dialect, dialect.isServer ? WINDOW_ROWS : WINDOW_ROWS_OF_FILE);
    const few = await this.fewIn(selection, range, walk);
    let next = range;
    for (let isEnd = false; !isEnd;) {
      const count = size.rows;
      const begunAt = performance.now();
      const rows = few ? few.splice(0, count) : await this.read(selection, next, count);
      const last = rows.at(-1)?.id;
      if (last === undefined) return;
      isEnd = rows.length < count;
      const ids = rows.filter(({ state }) => !selection.state || state === selection.state).map(({ id }) => id);
      await this.giveWay();
      yield { ids, last, rows: rows.length, isEnd };
      size.took(performance.now() - begunAt); // what is made of the rows belongs to it
      next = { ...next, ...(next.after === undefined ? { before: last } : { after: last }) };
    }
  }

  /** Reads ids of a range: of the state where an index has them, else of every state. */
  private async read(
    { state }: DeliverySelection,
    range: Range,
    count: number,
  ): Promise<{ id: string; state: string }[]> {
    await this.giveWay();
    const { from, before, after } = range;
    const conditions: Sql[] = [
      sql`1 = 1`,
      ...(state && hasIndex(state) ? [sql`state = ${state} AND ${raw(IS_ENDED)}`] : []),
      ...(from ? [sql`delivery_id >= ${from}`] : []),
      ...(before ? [sql`delivery_id < ${before}`] : []),
      ...(after === undefined ? [] : [sql`delivery_id > ${after}`]),
    ];
    const { records } = await this.connection.execute(
      sql`SELECT delivery_id, state FROM ${this.tables.deliveryState} WHERE ${allOf(conditions)}
          ORDER BY delivery_id ${raw(after === undefined ? 'DESC' : 'ASC')} LIMIT ${limitOf(count)}`,
      'operating',
    );
    return records.map((row) => ({ id: String(row.delivery_id), state: String(row.state) }));
  }

  /**
   * Returns those of a range that wait or are in work, in order, unless they are many: the index of their times has no
   * order of their ids. Their state is looked at when they are read.
   */
  private async fewIn(
    { state }: DeliverySelection,
    { from = '', before, after }: Range,
    walk: SelectionWalk,
  ): Promise<{ id: string; state: string }[] | undefined> {
    if (state !== 'pending' && state !== 'processing') return undefined;
    const now = this.clock.now();
    if (!walk.few || Math.abs(now - walk.few.readAt) > FEW_KEPT_MS) {
      const ids = await this.fewIds(TIMES[state]);
      walk.few = ids && { ids, readAt: now };
    }
    const found = walk.few?.ids.filter(
      (id) => id >= from && (before === undefined || id < before) && (after === undefined || id > after),
    );
    if (after === undefined) found?.reverse();
    return found?.map((id) => ({ id, state }));
  }

  /** Returns the ids that an index of times has, in order; undefined if they are many. */
  private async fewIds(time: string): Promise<string[] | undefined> {
    const { deliveryState } = this.tables;
    const some = sql`SELECT 1 AS one FROM ${deliveryState} WHERE ${raw(time)} IS NOT NULL LIMIT ${limitOf(MAX_FEW + 1)}`;
    const counted = await this.connection.execute(sql`SELECT COUNT(*) AS n FROM (${some}) few`, 'operating');
    if (Number(counted.records[0]?.n) > MAX_FEW) return undefined;
    const atOnce = this.connection.dialect.isServer ? MAX_FEW : FEW_OF_FILE;
    const ids = new Set<string>(); // one that is postponed meanwhile is read again
    for (let [at, id, isEnd] = [0, '', false]; !isEnd;) {
      const isAfter = sql`${raw(time)} >= ${at} AND (${raw(time)} > ${at} OR delivery_id > ${id})`;
      const { records } = await this.connection.execute(
        sql`SELECT delivery_id, ${raw(time)} AS due FROM ${deliveryState} WHERE ${raw(time)} IS NOT NULL AND ${isAfter}
            ORDER BY ${raw(time)}, delivery_id LIMIT ${limitOf(atOnce)}`,
        'operating',
      );
      for (const row of records) ids.add(String(row.delivery_id));
      const last = records.at(-1);
      [at, id, isEnd] = [Number(last?.due), String(last?.delivery_id), records.length < atOnce];
      await this.giveWay();
    }
    return [...ids].toSorted();
  }

  /** Receiving does not wait for all windows. A server gives others their turn while it answers. */
  private async giveWay(): Promise<void> {
    if (!this.connection.dialect.isServer) await othersTurn();
  }

  /** Reads those of some deliveries that are selected, newest first. */
  async selectedAmong(ids: readonly string[], selection: DeliverySelection, asOf: number): Promise<DeliveryRecord[]> {
    if (ids.length === 0) return [];
    const query = selectRecords(this.tables, this.isSelected(ids, selection, asOf));
    return (await this.connection.execute(query, 'operating')).records.map(toRecord);
  }

  /**
   * Returns the condition that a delivery is one of some, at least one, and selected.
   *
   * @param asOf leaves out what came to a state other than `pending` later
   */
  isSelected(
    ids: readonly string[],
    { state, status, platformId, reason, tenant, handler, error, receivedBetween }: DeliverySelection,
    asOf: number,
  ): Sql {
    return allOf([
      this.connection.dialect.isOneOf('s.delivery_id', ids),
      sql`(s.finished_at IS NULL OR s.finished_at <= ${asOf})`,
      ...(state ? [sql`s.state = ${state}`] : []),
      ...(status ? [sql`d.status = ${status}`] : []),
      ...(platformId !== undefined ? [sql`d.platform_id = ${platformId}`] : []),
      ...(reason ? [sql`s.reason = ${reason}`] : []),
      ...(tenant !== undefined ? [sql`d.tenant = ${tenant}`] : []),
      ...(receivedBetween ? [isWithin(receivedBetween)] : []),
      ...(handler !== undefined || error !== undefined ? [this.hasRun(handler, error)] : []),
    ]);
  }

  /** Returns the condition that a run which has not completed is of this handler, or has this text in its error. */
  private hasRun(handler: string | undefined, error: string | undefined): Sql {
    const conditions = [
      sql`r.delivery_id = s.delivery_id AND r.state <> 'completed'`,
      ...(handler !== undefined ? [sql`r.handler = ${handler}`] : []),
      ...(error !== undefined ? [contains('r.last_error', error)] : []),
    ];
    return sql`EXISTS (SELECT 1 FROM ${this.tables.handlerRun} r WHERE ${allOf(conditions)})`;
  }
}

/** Returns the condition that a column has a text, whatever its case. */
export function contains(column: string, text: string): Sql {
  const pattern = `%${text.replaceAll(/[!%_]/g, '!$&')}%`;
  return sql`LOWER(${raw(column)}) LIKE LOWER(${pattern}) ESCAPE '!'`;
}

function limitOf(count: number): Sql {
  return raw(String(count));
}
