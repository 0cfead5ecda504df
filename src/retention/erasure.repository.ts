import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { allOf, join, raw, sql, type Sql } from '../database/sql.js';
import type { ErasureKind } from '../inbox/erasure.entity.js';
import { keysOf } from '../database/unlocked.update.js';
import { Tables } from '../inbox/tables.js';
import { NO_FINGERPRINT } from '../inbox/tombstone.repository.js';
import type { ErasureRecord } from './erasure.js';

const COLUMNS = raw(
  'id, kind, tenant, session_keys, rejection_ids, unsearchable, reason, requested_by, shred, state, deliveries, rejections, unprocessed, interrupted, requested_at, finished_at, sweep_after, swept_at',
);

/** Of deliveries, rejections, unprocessed and interrupted ones. */
const NOTHING_COUNTED = [0, 0, 0, 0] as const;

/** Numbers that an erasure counts. */
export type ErasureCounts = Partial<Pick<ErasureRecord, 'deliveries' | 'rejections' | 'unprocessed' | 'interrupted'>>;

/** Keeps the records of erasures, and deletes what an erasure leaves beside deliveries. */
@Injectable()
export class ErasureRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Adds a record, with nothing counted. One that is there is to be done once more. */
  async open(erasure: Omit<ErasureRecord, 'state'>): Promise<void> {
    const { dialect } = this.connection;
    const values = [
      erasure.id,
      erasure.kind,
      erasure.tenant,
      JSON.stringify(erasure.sessionKeys),
      JSON.stringify(erasure.rejectionIds),
      JSON.stringify(erasure.unsearchable),
      erasure.reason,
      erasure.requestedBy,
      erasure.shred ? 1 : 0,
      'requested',
      ...NOTHING_COUNTED,
      erasure.requestedAt,
      null,
      erasure.sweepAfter,
      null,
    ];
    const again = join(
      ['state', 'sweep_after', 'finished_at', 'swept_at'].map(
        (column) => sql`${raw(column)} = ${dialect.incoming(column)}`,
      ),
    );
    await this.connection.execute(
      sql`${dialect.insertInto(this.tables.erasure)} (${COLUMNS}) VALUES (${join(values)}) ${dialect.onConflict('id', again)}`,
    );
  }

  /** Adds sessions and rejections that were found later. */
  async extend({ id, sessionKeys, rejectionIds }: ErasureRecord): Promise<void> {
    const [keys, ids] = [JSON.stringify(sessionKeys), JSON.stringify(rejectionIds)];
    await this.update(id, sql`session_keys = ${keys}, rejection_ids = ${ids}`);
  }

  /** Returns the statement that counts what was erased in the same transaction. */
  countStatement(id: string, counts: ErasureCounts): Sql {
    const sums = Object.entries(counts).map(([column, n]) => sql`${raw(column)} = ${raw(column)} + ${n}`);
    return sql`UPDATE ${this.tables.erasure} SET ${join(sums)} WHERE id = ${id}`;
  }

  async markDone(id: string, now: number, sweepAfter: number): Promise<void> {
    await this.update(id, sql`state = 'done', finished_at = ${now}, sweep_after = ${sweepAfter}`);
  }

  async postpone(id: string, sweepAfter: number): Promise<void> {
    await this.update(id, sql`sweep_after = ${sweepAfter}`);
  }

  /** Ends an erasure, unless it was asked for again. */
  async markSwept(id: string, now: number): Promise<void> {
    await this.connection.execute(
      sql`UPDATE ${this.tables.erasure} SET state = 'swept', swept_at = ${now} WHERE id = ${id} AND state = 'done'`,
    );
  }

  async find(id: string): Promise<ErasureRecord | undefined> {
    const { records } = await this.connection.execute(
      sql`SELECT ${COLUMNS} FROM ${this.tables.erasure} WHERE id = ${id}`,
    );
    return records[0] && toRecord(records[0]);
  }

  /**
   * Returns the ids of erasures that are to be looked at again.
   *
   * @param mayShred false leaves out those that are to destroy keys
   */
  async due(now: number, limit: number, mayShred: boolean): Promise<string[]> {
    const which = mayShred ? raw('') : sql`AND (shred = 0 OR state = 'done')`;
    const { records } = await this.connection.execute(
      sql`SELECT id FROM ${this.tables.erasure} WHERE state IN ('requested', 'done') AND sweep_after <= ${now} ${which}
          ORDER BY sweep_after LIMIT ${raw(String(limit))}`,
    );
    return records.map(({ id }) => String(id));
  }

  /** Returns records, newest first. */
  async list(before: string | undefined, limit: number): Promise<ErasureRecord[]> {
    const which = allOf(before === undefined ? [] : [sql`id < ${before}`]);
    const { records } = await this.connection.execute(
      sql`SELECT ${COLUMNS} FROM ${this.tables.erasure} WHERE ${which} ORDER BY id DESC LIMIT ${raw(String(limit))}`,
      'operating',
    );
    return records.map(toRecord);
  }

  /** Deletes rejections that nobody has locked. Returns how many. */
  async deleteRejections(ids: readonly string[], andThen: (deleted: number) => Sql): Promise<number> {
    const { rejection } = this.tables;
    const [chosen] = await this.connection.transactionOf([
      () =>
        sql`SELECT id FROM ${rejection} WHERE ${this.connection.dialect.isOneOf('id', ids)} ${this.connection.dialect.skipLocked}`,
      ([rows]) =>
        rows?.records.length
          ? sql`DELETE FROM ${rejection} WHERE ${this.connection.dialect.isOneOf('id', [...keysOf(rows, 'id')])}`
          : undefined,
      ([rows]) => (rows?.records.length ? andThen(rows.records.length) : undefined),
    ]);
    return chosen?.records.length ?? 0;
  }

  async deleteRuns(deliveryIds: readonly string[]): Promise<void> {
    const { withoutWaiting } = this.connection.dialect;
    await this.connection.execute(
      withoutWaiting(
        sql`DELETE FROM ${this.tables.handlerRun} WHERE ${this.connection.dialect.isOneOf('delivery_id', deliveryIds)}`,
      ),
    );
  }

  /** Takes the name of a tenant out of tombstones that were made before. Returns how many had it. */
  async forgetTenant(tenant: string, limit: number): Promise<number> {
    const { delivery } = this.tables;
    const { records } = await this.connection.execute(
      sql`SELECT id FROM ${delivery} WHERE tenant = ${tenant} AND tenant <> '' AND fingerprint = ${NO_FINGERPRINT} LIMIT ${raw(String(limit))}`,
      'processing',
    );
    const ids = records.map((row) => String(row.id));
    if (ids.length === 0) return 0;
    const { withoutWaiting } = this.connection.dialect;
    await this.connection.execute(
      withoutWaiting(sql`UPDATE ${delivery} SET tenant = '' WHERE ${this.connection.dialect.isOneOf('id', ids)}`),
    );
    return ids.length;
  }

  /** Deletes the times when the secrets of a tenant were used. */
  async deleteSecretUses(tenant: string): Promise<void> {
    await this.connection.execute(sql`DELETE FROM ${this.tables.secretUse} WHERE tenant = ${tenant} AND tenant <> ''`);
  }

  private async update(id: string, set: Sql): Promise<void> {
    await this.connection.execute(sql`UPDATE ${this.tables.erasure} SET ${set} WHERE id = ${id}`);
  }
}

function toRecord(row: Record<string, unknown>): ErasureRecord {
  return {
    id: String(row.id),
    kind: row.kind as ErasureKind,
    tenant: row.tenant as string | null,
    sessionKeys: JSON.parse(String(row.session_keys)) as string[],
    rejectionIds: JSON.parse(String(row.rejection_ids)) as string[],
    unsearchable: JSON.parse(String(row.unsearchable)) as string[],
    reason: row.reason as string | null,
    requestedBy: row.requested_by as string | null,
    shred: Number(row.shred) === 1,
    state: row.state as ErasureRecord['state'],
    deliveries: Number(row.deliveries),
    rejections: Number(row.rejections),
    unprocessed: Number(row.unprocessed),
    interrupted: Number(row.interrupted),
    requestedAt: Number(row.requested_at),
    finishedAt: timeOrNull(row.finished_at),
    sweepAfter: Number(row.sweep_after),
    sweptAt: timeOrNull(row.swept_at),
  };
}

function timeOrNull(value: unknown): number | null {
  return value === null ? null : Number(value);
}
