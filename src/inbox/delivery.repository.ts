import { Injectable } from '@nestjs/common';
import type { VerificationStatus } from '../contract/verification-status.js';
import type { DeliveryState } from './delivery.entity.js';
import type { ColumnValues, ExecuteSql } from '../database/dialect/dialect.js';
import { DatabaseConnection } from '../database/database.connection.js';
import type { ClaimedDelivery, Lease, NewDelivery, Verdict } from './delivery.factory.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import { Tables } from './tables.js';

const CLAIMED_COLUMNS = raw(
  'id, tenant, session_id, status, raw_body, attempts, rescues, replays, only_named_handlers, received_at',
);
const NO_LEASE = raw('lease_owner = NULL, lease_expires_at = NULL');
/** A delivery that kills its worker this often in a row is dead. */
const MAX_CRASHES = 3;
/** For how long a due delivery is left to workers that have the handler it waits for. */
const UNKNOWN_HANDLER_GRACE_MS = 5_000;

/** The ids of the handlers that a worker has for each status. */
export type HandlersByStatus = ReadonlyMap<VerificationStatus, readonly string[]>;

interface NewDeliveryRow {
  readonly delivery: NewDelivery;
  /** The lease it is born with. */
  readonly lease: Lease | undefined;
  /** How many duplicates it arrived with. */
  readonly duplicates: number;
}

/** Every change of a delivery's state, each one guarded update that reports whether it won. */
@Injectable()
export class DeliveryRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /**
   * Records a batch in one statement and one commit.
   *
   * @param batch no key twice
   */
  async record(batch: readonly NewDeliveryRow[]): Promise<Verdict[]> {
    // In the order of the unique index: two flushes that meet would deadlock otherwise.
    const sorted = batch.toSorted((a, b) => (a.delivery.idempotencyKey < b.delivery.idempotencyKey ? -1 : 1));
    const stored = await this.upsert(sorted);
    return batch.map(({ delivery }) => {
      const row = stored.get(delivery.idempotencyKey);
      if (row?.id === delivery.id) return 'accepted';
      return row?.fingerprint === delivery.fingerprint ? 'duplicate' : 'conflict';
    });
  }

  private async upsert(batch: readonly NewDeliveryRow[]): Promise<Map<string, { id: string; fingerprint: string }>> {
    const { dialect } = this.connection;
    const { stored, incoming } = dialect;
    const isSame = sql`${stored('fingerprint')} = ${incoming('fingerprint')}`;
    const rows = batch.map(toRow);
    const read = raw('id, idempotency_key, fingerprint');
    const insert = sql`${dialect.insertInto(this.tables.delivery)} (${raw(Object.keys(rows[0] ?? {}).join(', '))})
      ${dialect.rows(this.tables.delivery, rows)} ${dialect.onConflict(
        'idempotency_key',
        sql`duplicates = ${stored('duplicates')} + CASE WHEN ${isSame} THEN ${incoming('duplicates')} + 1 ELSE 0 END,
            last_duplicate_at = CASE WHEN ${isSame} THEN ${incoming('received_at')} ELSE ${stored('last_duplicate_at')} END`,
      )}`;
    const keys = batch.map(({ delivery }) => delivery.idempotencyKey);
    const records = dialect.insertReturns
      ? (await this.connection.execute(sql`${insert} RETURNING ${read}`)).records
      : await this.connection.transaction(async (execute) => {
          await execute(insert);
          return (
            await execute(sql`SELECT ${read} FROM ${this.tables.delivery} WHERE idempotency_key IN (${join(keys)})`)
          ).records;
        });
    return new Map(
      records.map((row) => [String(row.idempotency_key), { id: String(row.id), fingerprint: String(row.fingerprint) }]),
    );
  }

  /**
   * Takes what is due, oldest first. A delivery that a handler waits for which this worker does not have is left to
   * workers that have it, for `UNKNOWN_HANDLER_GRACE_MS`.
   */
  claim(lease: Lease, now: number, limit: number, handlers: HandlersByStatus = new Map()): Promise<ClaimedDelivery[]> {
    return this.claimWhere(
      sql`state = 'pending' AND next_attempt_at <= ${now} AND ${this.isKnown(handlers, now)}
          ORDER BY next_attempt_at LIMIT ${raw(String(limit))}`,
      sql`state = 'processing', next_attempt_at = NULL`,
      lease,
    );
  }

  /** The first condition spares a delivery that has no runs the look for them. */
  private isKnown(handlers: HandlersByStatus, now: number): Sql {
    const known = [...handlers].map(([status, ids]) => sql`d.status = ${status} AND r.handler IN (${join(ids)})`);
    const isUnknown = known.length > 0 ? sql`AND NOT (${known.reduce((all, one) => sql`${all} OR ${one}`)})` : raw('');
    return sql`((attempts = 0 AND replays = 0) OR next_attempt_at <= ${now - UNKNOWN_HANDLER_GRACE_MS} OR NOT EXISTS (
      SELECT 1 FROM ${this.tables.handlerRun} r WHERE r.delivery_id = d.id AND r.state = 'pending' ${isUnknown}))`;
  }

  /**
   * Takes over what other workers let expire.
   *
   * @param suspects whether to take deliveries that have outlived a worker before: one of them may be what kills
   */
  rescueExpired(
    lease: Lease,
    now: number,
    limit: number,
    inFlightIds: readonly string[],
    suspects: boolean,
  ): Promise<ClaimedDelivery[]> {
    const notInFlight = inFlightIds.length > 0 ? sql`AND id NOT IN (${join(inFlightIds)})` : raw('');
    return this.claimWhere(
      sql`state = 'processing' AND lease_expires_at < ${now} AND rescues ${raw(suspects ? `BETWEEN 1 AND ${MAX_CRASHES - 2}` : '= 0')} ${notInFlight}
          ORDER BY lease_expires_at LIMIT ${raw(String(limit))}`,
      raw('rescues = rescues + 1'),
      lease,
    );
  }

  /** Ends deliveries that have killed their worker too often. Answers how many. */
  async deadLetterPoisoned(now: number, inFlightIds: readonly string[]): Promise<number> {
    const notInFlight = inFlightIds.length > 0 ? sql`AND id NOT IN (${join(inFlightIds)})` : raw('');
    const { affected } = await this.connection.execute(
      sql`UPDATE ${this.tables.delivery} SET state = 'dead', reason = 'crash-loop', finished_at = ${now}, ${NO_LEASE}
          WHERE state = 'processing' AND lease_expires_at < ${now} AND rescues >= ${MAX_CRASHES - 1} ${notInFlight}`,
    );
    return affected;
  }

  private async claimWhere(which: Sql, change: Sql, { owner, expiresAt }: Lease): Promise<ClaimedDelivery[]> {
    const { dialect } = this.connection;
    const { delivery } = this.tables;
    const set = sql`UPDATE ${delivery} SET ${change}, attempts = attempts + 1, lease_owner = ${owner}, lease_expires_at = ${expiresAt}`;
    if (dialect.updateReturns) {
      const { records } = await this.connection.execute(
        sql`${set} WHERE id IN (SELECT d.id FROM ${delivery} d WHERE ${which} ${dialect.skipLocked}) RETURNING ${CLAIMED_COLUMNS}`,
      );
      return records.map(toClaimedDelivery);
    }
    return this.connection.transaction(async (execute) => {
      const { records } = await execute(
        sql`SELECT ${CLAIMED_COLUMNS} FROM ${delivery} d WHERE ${which} ${dialect.skipLocked}`,
      );
      const ids = records.map(({ id }) => id);
      if (ids.length === 0) return [];
      await execute(sql`${set} WHERE id IN (${join(ids)})`);
      return (await execute(sql`SELECT ${CLAIMED_COLUMNS} FROM ${delivery} WHERE id IN (${join(ids)})`)).records.map(
        toClaimedDelivery,
      );
    });
  }

  /** Answers which of them this worker still has; the others have been taken over. */
  async renew(lease: Lease, ids: readonly string[]): Promise<Set<string>> {
    const mine = sql`id IN (${join(ids)}) AND lease_owner = ${lease.owner} AND state = 'processing'`;
    await this.connection.executeOutsideQueue(
      sql`UPDATE ${this.tables.delivery} SET lease_expires_at = ${lease.expiresAt} WHERE ${mine}`,
    );
    const { records } = await this.connection.executeOutsideQueue(
      sql`SELECT id FROM ${this.tables.delivery} WHERE ${mine}`,
    );
    return new Set(records.map(({ id }) => String(id)));
  }

  /** Ends the processing of several. Answers how many were still this worker's. */
  async complete(
    ids: readonly string[],
    owner: string,
    state: DeliveryState & ('completed' | 'unhandled'),
    now: number,
  ): Promise<number> {
    const { affected } = await this.connection.execute(
      sql`UPDATE ${this.tables.delivery} SET state = ${state}, finished_at = ${now}, rescues = 0, ${NO_LEASE} WHERE ${claimedBy(owner, ids)}`,
    );
    return affected;
  }

  /** To be followed by the handler runs, in the same transaction. `false`: another worker has it, nothing may be written. */
  async settle(
    execute: ExecuteSql,
    id: string,
    owner: string,
    outcome: { nextAttemptAt: number } | 'completed' | 'dead',
    now: number,
  ): Promise<boolean> {
    const change =
      typeof outcome === 'object'
        ? sql`state = 'pending', next_attempt_at = ${outcome.nextAttemptAt}`
        : sql`state = ${outcome}, finished_at = ${now}, reason = ${outcome === 'dead' ? 'handler' : null}`;
    const { affected } = await execute(
      sql`UPDATE ${this.tables.delivery} SET ${change}, rescues = 0, ${NO_LEASE} WHERE ${claimedBy(owner, [id])}`,
    );
    return affected === 1;
  }

  /** Gives back what was not processed: for any worker, at once, as if never claimed. */
  async release(ids: readonly string[], owner: string, now: number): Promise<void> {
    await this.connection.execute(
      sql`UPDATE ${this.tables.delivery} SET state = 'pending', next_attempt_at = ${now}, attempts = attempts - 1, ${NO_LEASE} WHERE ${claimedBy(owner, ids)}`,
    );
  }
}

function toRow({ delivery, lease, duplicates }: NewDeliveryRow): ColumnValues {
  return {
    id: delivery.id,
    idempotency_key: delivery.idempotencyKey,
    tenant: delivery.tenant,
    session_id: delivery.sessionId,
    status: delivery.status,
    platform_id: delivery.platformId,
    external_reference_id: delivery.externalReferenceId,
    raw_body: delivery.rawBody,
    fingerprint: delivery.fingerprint,
    received_at: delivery.receivedAt,
    duplicates,
    state: lease ? 'processing' : 'pending',
    attempts: lease ? delivery.attempts : 0,
    next_attempt_at: lease ? null : delivery.receivedAt,
    lease_owner: lease?.owner ?? null,
    lease_expires_at: lease?.expiresAt ?? null,
  };
}

function claimedBy(owner: string, ids: readonly string[]): Sql {
  return sql`id IN (${join(ids)}) AND lease_owner = ${owner} AND state = 'processing'`;
}

function toClaimedDelivery(row: Record<string, unknown>): ClaimedDelivery {
  return {
    id: String(row.id),
    tenant: String(row.tenant),
    sessionId: String(row.session_id),
    status: row.status as ClaimedDelivery['status'],
    rawBody: String(row.raw_body),
    attempts: Number(row.attempts),
    rescues: Number(row.rescues),
    replays: Number(row.replays),
    onlyNamedHandlers: Number(row.only_named_handlers),
    receivedAt: Number(row.received_at),
  };
}
