import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { allOf, join, raw, sql, type Sql } from '../database/sql.js';
import type { BulkRow } from './bulk.entity.js';
import { isExpired } from './expired.lease.js';
import { IS_ENDED } from './state-index.queries.js';
import { Tables } from './tables.js';

/** Change of a bulk operation by an operator, while it is in one of these states. */
export interface BulkTransition {
  readonly from: readonly BulkRow['state'][];
  readonly to: BulkRow['state'];
  readonly pausedBy?: BulkRow['pausedBy'];
  readonly rate?: number | undefined;
  readonly pauseAt?: number | undefined;
}

/** Number of deliveries that are dead again: of all that were replayed, and of those since the last resumption. */
export interface DeadAgain {
  readonly all: number;
  readonly judged: number;
}

const COLUMNS = raw(
  `id, action, state, paused_by, selection, handlers, as_of, cursor_id, locked_ids, expected, done, skipped, dead_again,
   rate, pause_at, judged_from, operator, source, reason, trace_context, instance, lease_expires_at, started_at, judged_since, updated_at, ended_at`,
);
const NO_LEASE = raw('instance = NULL, lease_expires_at = 0');

/** Keeps bulk operations, and gives them out by leases. */
@Injectable()
export class BulkRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly clock: Clock,
  ) {}

  /** @param also recorded with it */
  async insert(row: BulkRow, also: Sql): Promise<void> {
    const { bulk } = this.tables;
    const first = [row.id, row.action, row.state, row.pausedBy, row.selection, row.handlers, row.asOf, row.cursorId];
    const counts = [row.lockedIds, row.expected, row.done, row.skipped, row.deadAgain, row.rate, row.pauseAt];
    const operator = [row.judgedFrom, row.operator, row.source, row.reason, row.traceContext];
    const times = [row.instance, row.leaseExpiresAt, row.startedAt, row.judgedSince, row.updatedAt, row.endedAt];
    await this.connection.transactionOf([
      () => sql`INSERT INTO ${bulk} (${COLUMNS}) VALUES (${join([...first, ...counts, ...operator, ...times])})`,
      () => also,
    ]);
  }

  async find(id: string): Promise<BulkRow | null> {
    const [row] = await this.select(sql`id = ${id}`, 1);
    return row ?? null;
  }

  /** Returns operations, newest first. */
  list({ state, before, limit }: { state?: string; before?: string; limit: number }): Promise<BulkRow[]> {
    const which = [
      ...(state === undefined ? [] : [sql`state = ${state}`]),
      ...(before === undefined ? [] : [sql`id < ${before}`]),
    ];
    return this.select(allOf(which), limit);
  }

  /**
   * Changes the state of an operation. Resolves to whether it was in one of the states.
   *
   * @param also recorded with it
   */
  async change(id: string, { from, to, pausedBy = null, rate, pauseAt }: BulkTransition, also?: Sql): Promise<boolean> {
    const now = this.clock.now();
    const changes = [
      sql`state = ${to}, paused_by = ${pausedBy}, updated_at = ${now}, ${NO_LEASE}`,
      ...(rate === undefined ? [] : [sql`rate = ${rate}`]),
      ...(pauseAt === undefined ? [] : [sql`pause_at = ${pauseAt}`]),
      ...(to === 'cancelled' ? [sql`ended_at = ${now}`] : []),
      ...(to === 'running' ? [sql`judged_from = done, judged_since = ${now}`] : []),
    ];
    const [update] = await this.connection.transactionOf([
      () =>
        sql`UPDATE ${this.tables.bulk} SET ${join(changes)} WHERE id = ${id} AND ${this.connection.dialect.isOneOf('state', from)}`,
      ([changed]) => (changed?.affected === 1 ? also : undefined),
    ]);
    return update?.affected === 1;
  }

  /** Takes the oldest operation that runs and that nobody carries out. Resolves to undefined if there is none. */
  async claim(instance: string, leaseMs: number): Promise<BulkRow | undefined> {
    const now = this.clock.now();
    const isFree = sql`state = 'running' AND ${isExpired(now, leaseMs)}`;
    const { records } = await this.connection.execute(
      sql`SELECT id FROM ${this.tables.bulk} WHERE ${isFree} ORDER BY id LIMIT 1`,
    );
    if (!records[0]) return undefined;
    const id = String(records[0].id);
    const { affected } = await this.connection.execute(
      sql`UPDATE ${this.tables.bulk} SET instance = ${instance}, lease_expires_at = ${now + leaseMs}
          WHERE id = ${id} AND ${isFree}`,
    );
    return affected === 1 ? ((await this.find(id)) ?? undefined) : undefined;
  }

  /** Gives an operation back, unless it is another's. */
  async release(id: string, instance: string): Promise<void> {
    await this.connection.execute(
      sql`UPDATE ${this.tables.bulk} SET ${NO_LEASE} WHERE id = ${id} AND instance = ${instance}`,
    );
  }

  /** Counts the deliveries of an operation that are dead again. */
  async countDeadAgain({ id, action, startedAt, judgedSince }: BulkRow): Promise<DeadAgain> {
    if (action !== 'replay') return { all: 0, judged: 0 };
    const { deliveryState, action: actions } = this.tables;
    const { records } = await this.connection.execute(
      sql`SELECT COUNT(*) AS n, SUM(CASE WHEN a.acted_at >= ${judgedSince} THEN 1 ELSE 0 END) AS judged
          FROM ${deliveryState} s JOIN ${actions} a ON a.target_id = s.delivery_id AND a.bulk_id = ${id}
          WHERE s.state = 'dead' AND s.${raw(IS_ENDED)} AND s.finished_at >= ${startedAt}`,
      'operating',
    );
    return { all: Number(records[0]?.n ?? 0), judged: Number(records[0]?.judged ?? 0) };
  }

  async saveDeadAgain(id: string, deadAgain: number): Promise<void> {
    await this.connection.execute(sql`UPDATE ${this.tables.bulk} SET dead_again = ${deadAgain} WHERE id = ${id}`);
  }

  private async select(which: Sql, limit: number): Promise<BulkRow[]> {
    const { records } = await this.connection.execute(
      sql`SELECT ${COLUMNS} FROM ${this.tables.bulk} WHERE ${which} ORDER BY id DESC LIMIT ${raw(String(limit))}`,
      'operating',
    );
    return records.map(toBulk);
  }
}

function toBulk(row: Readonly<Record<string, unknown>>): BulkRow {
  return {
    id: String(row.id),
    action: row.action as BulkRow['action'],
    state: row.state as BulkRow['state'],
    pausedBy: row.paused_by as BulkRow['pausedBy'],
    selection: String(row.selection),
    handlers: row.handlers as string | null,
    asOf: Number(row.as_of),
    cursorId: String(row.cursor_id),
    lockedIds: String(row.locked_ids),
    expected: Number(row.expected),
    done: Number(row.done),
    skipped: Number(row.skipped),
    deadAgain: Number(row.dead_again),
    rate: Number(row.rate),
    pauseAt: Number(row.pause_at),
    judgedFrom: Number(row.judged_from),
    operator: row.operator as string | null,
    source: row.source as BulkRow['source'],
    reason: row.reason as string | null,
    traceContext: row.trace_context as string | null,
    instance: row.instance as string | null,
    leaseExpiresAt: Number(row.lease_expires_at),
    startedAt: Number(row.started_at),
    judgedSince: Number(row.judged_since),
    updatedAt: Number(row.updated_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
  };
}
