import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { VerificationStatus } from '../contract/verification-status.js';
import { DatabaseConnection } from '../database/database.connection.js';
import type { ExecuteSql } from '../database/dialect/dialect.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import type { DeliveryState } from './delivery.entity.js';
import type { ClaimedDelivery, Lease, NewDelivery } from './delivery.factory.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { PayloadCodec } from './payload.codec.js';
import { Tables } from './tables.js';

const CLAIMED_COLUMNS = raw(
  'id, tenant, session_id, status, raw_body, attempts, rescues, replays, only_named_handlers, received_at',
);
const NO_LEASE = raw('lease_owner = NULL, lease_expires_at = NULL');
/** Number of crashes in a row after which a delivery is dead. */
const MAX_CRASHES = 3;
/** Time for which a due delivery is left to workers that have the handler it waits for. */
const UNKNOWN_HANDLER_GRACE_MS = 5_000;

/** Ids of the handlers that a worker has, by status. */
export type HandlersByStatus = ReadonlyMap<VerificationStatus, readonly string[]>;

/** Changes the states of deliveries. Each change is one guarded update that reports whether it applied. */
@Injectable()
export class DeliveryStateRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly runs: HandlerRunRepository,
    private readonly clock: Clock,
    private readonly codec: PayloadCodec,
  ) {}

  /**
   * Claims due deliveries, oldest first. A delivery may wait for a handler that this worker does not have. It is then
   * left to other workers for `UNKNOWN_HANDLER_GRACE_MS`.
   */
  claim(lease: Lease, now: number, limit: number, handlers: HandlersByStatus = new Map()): Promise<ClaimedDelivery[]> {
    return this.claimWhere(
      sql`state = 'pending' AND next_attempt_at <= ${now} AND ${this.isKnown(handlers, now)}
          ORDER BY next_attempt_at LIMIT ${raw(String(limit))}`,
      sql`state = 'processing', next_attempt_at = NULL`,
      lease,
    );
  }

  /**
   * Returns the condition that this worker has every handler that a delivery waits for, or that the grace time is over.
   * Its first part spares deliveries without runs the subquery.
   */
  private isKnown(handlers: HandlersByStatus, now: number): Sql {
    const known = [...handlers].map(([status, ids]) => sql`d.status = ${status} AND r.handler IN (${join(ids)})`);
    const isUnknown = known.length > 0 ? sql`AND NOT (${known.reduce((all, one) => sql`${all} OR ${one}`)})` : raw('');
    return sql`((attempts = 0 AND replays = 0) OR next_attempt_at <= ${now - UNKNOWN_HANDLER_GRACE_MS} OR NOT EXISTS (
      SELECT 1 FROM ${this.tables.handlerRun} r WHERE r.delivery_id = d.id AND r.state = 'pending'
        AND (r.next_attempt_at IS NULL OR r.next_attempt_at <= ${now}) ${isUnknown}))`;
  }

  /**
   * Rescues deliveries whose lease has expired.
   *
   * @param suspects true: only deliveries that were rescued before, one of which may crash its worker; false: only
   *   others
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

  /** Ends deliveries that have crashed their worker `MAX_CRASHES` times in a row. Returns how many. */
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
      return records.map((row) => this.toClaimedDelivery(row));
    }
    return this.connection.transaction(async (execute) => {
      const { records } = await execute(
        sql`SELECT ${CLAIMED_COLUMNS} FROM ${delivery} d WHERE ${which} ${dialect.skipLocked}`,
      );
      const ids = records.map(({ id }) => id);
      if (ids.length === 0) return [];
      await execute(sql`${set} WHERE id IN (${join(ids)})`);
      const claimed = await execute(sql`SELECT ${CLAIMED_COLUMNS} FROM ${delivery} WHERE id IN (${join(ids)})`);
      return claimed.records.map((row) => this.toClaimedDelivery(row));
    });
  }

  /** Renews leases. Returns the ids that this worker still holds; the others have been rescued. */
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

  /** Ends the processing of several deliveries. Returns how many of them this worker still held. */
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

  /**
   * Ends one attempt: the delivery is completed, dead, or waits for its next attempt. Its handler runs are written
   * after it, in the same transaction. Returns `false` if another worker holds the delivery; nothing may be written
   * then.
   */
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

  /**
   * Releases deliveries that were not processed. Any worker can claim them at once, as if they had never been claimed.
   */
  async release(ids: readonly string[], owner: string, now: number): Promise<void> {
    await this.connection.execute(
      sql`UPDATE ${this.tables.delivery} SET state = 'pending', next_attempt_at = ${now}, attempts = attempts - 1, ${NO_LEASE} WHERE ${claimedBy(owner, ids)}`,
    );
  }

  /**
   * Makes a delivery due again.
   *
   * @param handlers the ones to run even if they have completed; without them, completed handlers do not run again
   */
  async replay(
    id: string,
    handlers: readonly string[] | undefined,
  ): Promise<'replayed' | 'busy' | 'completed' | 'unknown'> {
    const now = this.clock.now();
    const isReplayed = await this.connection.transaction(async (execute) => {
      // `only_named_handlers` first: MySQL assigns from left to right, and it asks for the state before.
      const { affected } = await execute(
        sql`UPDATE ${this.tables.delivery} SET only_named_handlers = CASE WHEN state = 'completed' THEN 1 ELSE only_named_handlers END, ${pending(now)}
            WHERE id = ${id} AND state NOT IN (${join(handlers ? ['processing'] : ['processing', 'completed'])})`,
      );
      if (affected === 0) return false;
      await (handlers ? this.runs.startOver(execute, id, handlers, now) : this.runs.resetAttempts(execute, id, now));
      return true;
    });
    return isReplayed ? 'replayed' : this.whyNot(id);
  }

  async discard(id: string): Promise<'discarded' | 'busy' | 'completed' | 'unknown'> {
    const { affected } = await this.connection.execute(
      sql`UPDATE ${this.tables.delivery} SET state = 'discarded', next_attempt_at = NULL, finished_at = ${this.clock.now()}
          WHERE id = ${id} AND state NOT IN ('processing', 'completed')`,
    );
    return affected === 1 ? 'discarded' : this.whyNot(id);
  }

  /**
   * Replaces the content of a delivery, which is then processed from the beginning. Returns `false` if a worker is
   * processing it.
   */
  async supersede(execute: ExecuteSql, id: string, delivery: NewDelivery): Promise<boolean> {
    const { tenant, status, platformId, externalReferenceId, fingerprint } = delivery;
    const rawBody = this.codec.encode(delivery.rawBody, { column: 'delivery.raw_body', row: id, tenant });
    const { affected } = await execute(
      sql`UPDATE ${this.tables.delivery} SET status = ${status}, platform_id = ${platformId}, external_reference_id = ${externalReferenceId},
            raw_body = ${rawBody}, fingerprint = ${fingerprint}, only_named_handlers = 0, ${pending(this.clock.now())}
          WHERE id = ${id} AND state <> 'processing'`,
    );
    return affected === 1;
  }

  private async whyNot(id: string): Promise<'busy' | 'completed' | 'unknown'> {
    const { records } = await this.connection.execute(sql`SELECT state FROM ${this.tables.delivery} WHERE id = ${id}`);
    if (!records[0]) return 'unknown';
    return records[0].state === 'completed' ? 'completed' : 'busy';
  }

  private toClaimedDelivery(row: Record<string, unknown>): ClaimedDelivery {
    const [id, tenant] = [String(row.id), String(row.tenant)];
    return {
      id,
      tenant,
      sessionId: String(row.session_id),
      status: row.status as ClaimedDelivery['status'],
      rawBody: this.codec.decode(String(row.raw_body), { column: 'delivery.raw_body', row: id, tenant }),
      attempts: Number(row.attempts),
      rescues: Number(row.rescues),
      replays: Number(row.replays),
      onlyNamedHandlers: Number(row.only_named_handlers),
      receivedAt: Number(row.received_at),
    };
  }
}

function claimedBy(owner: string, ids: readonly string[]): Sql {
  return sql`id IN (${join(ids)}) AND lease_owner = ${owner} AND state = 'processing'`;
}

function pending(now: number): Sql {
  return sql`state = 'pending', next_attempt_at = ${now}, finished_at = NULL, reason = NULL, rescues = 0, replays = replays + 1`;
}
