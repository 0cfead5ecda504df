import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseConnection } from '../database/database.connection.js';
import { isLocked } from '../database/database.errors.js';
import type { SqlResult } from '../database/dialect/dialect.js';
import type { Lane } from '../database/lanes.js';
import { anyOf, raw, sql, type Sql } from '../database/sql.js';
import { keysOf, updateUnlocked } from '../database/unlocked.update.js';
import type { ClaimedDelivery, ClaimKey, Lease } from './claimed-delivery.js';
import type { HandlersByStatus } from './handler-set.repository.js';
import { isClaimedBy } from './claim-owner.queries.js';
import { Tables } from './tables.js';

const FACTS = raw('d.tenant, d.session_id, d.status, d.raw_body, d.received_at, d.trace_context');
const PROGRESS = raw(
  'delivery_id, dispatches, rescues, replays, only_named_handlers, expected_handlers, replay_trace_context',
);
/** Time for which a due delivery is left to workers that have the handler it waits for. */
const UNKNOWN_HANDLER_GRACE_MS = 5_000;

/** Number of times that a locked row is tried, before it is left for later. */
const LOCKED_TRIES = 3;
const LOCKED_DELAY_MS = 20;

/** Assignments that end a claim. */
export const NO_LEASE = raw('claim_id = NULL, lease_expires_at = NULL');

/** Returns the assignment of the handlers that a delivery still has to reach. */
export function setExpectedHandlers(handlers: readonly string[]): Sql {
  return sql`expected_handlers = ${handlers.length > 0 ? JSON.stringify(handlers) : null}`;
}

/** Outcome of renewing leases: ids of deliveries. */
export interface Renewal {
  readonly renewed: ReadonlySet<string>;
  readonly rescued: ReadonlySet<string>;
  readonly erased: ReadonlySet<string>;
}

/** Claims deliveries for a worker: takes, renews and returns them. */
@Injectable()
export class ClaimRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /**
   * Claims due deliveries, oldest first. A delivery may wait for a handler that this worker does not have. It is then
   * left to other workers for `UNKNOWN_HANDLER_GRACE_MS`.
   */
  claim(lease: Lease, now: number, limit: number, handlers: HandlersByStatus = new Map()): Promise<ClaimedDelivery[]> {
    return this.claimWhere(
      sql`${this.isDue(handlers, now)} ORDER BY next_attempt_at LIMIT ${raw(String(limit))}`,
      sql`state = 'processing', next_attempt_at = NULL`,
      lease,
    );
  }

  /** Returns the condition that a delivery, `s`, is due, and is not left to other workers. */
  isDue(handlers: HandlersByStatus, now: number): Sql {
    return sql`state = 'pending' AND next_attempt_at <= ${now} AND ${this.hasHandlersFor(handlers, now)}`;
  }

  /**
   * Returns the condition that this worker has every handler that a delivery waits for, or that the grace time is over.
   * Its first part avoids the subquery for deliveries without runs.
   */
  private hasHandlersFor(handlers: HandlersByStatus, now: number): Sql {
    const { delivery, handlerRun } = this.tables;
    const { isOneOf } = this.connection.dialect;
    const known = [...handlers]
      .filter(([, ids]) => ids.length > 0)
      .map(([status, ids]) => sql`f.status = ${status} AND ${isOneOf('r.handler', ids)}`);
    const isUnknown = known.length > 0 ? sql`AND NOT ${anyOf(known)}` : raw('');
    return sql`((dispatches = 0 AND replays = 0) OR next_attempt_at <= ${now - UNKNOWN_HANDLER_GRACE_MS} OR NOT EXISTS (
      SELECT 1 FROM ${handlerRun} r JOIN ${delivery} f ON f.id = r.delivery_id WHERE r.delivery_id = s.delivery_id
        AND r.state = 'pending' AND (r.next_attempt_at IS NULL OR r.next_attempt_at <= ${now}) ${isUnknown}))`;
  }

  /** Claims the deliveries that a condition chooses, and makes one more change to each. */
  async claimWhere(condition: Sql, change: Sql, lease: Lease): Promise<ClaimedDelivery[]> {
    const { dialect } = this.connection;
    const { delivery, deliveryState } = this.tables;
    const claimAssignments = this.claimAssignments(change, lease);
    if (!dialect.updateReturns) return this.changeChosen(condition, claimAssignments, () => undefined);
    const chosen = sql`SELECT s.delivery_id FROM ${deliveryState} s WHERE ${condition} ${dialect.skipLocked}`;
    const claimed = sql`UPDATE ${deliveryState} SET ${claimAssignments} WHERE ${dialect.isOneOfRows('delivery_id', chosen)} RETURNING ${PROGRESS}`;
    if (dialect.writesInQueries) {
      const { records } = await this.connection.execute(
        sql`WITH claimed AS (${claimed}) SELECT ${FACTS}, ${PROGRESS} FROM claimed s JOIN ${delivery} d ON d.id = s.delivery_id`,
      );
      return records.map((row) => this.toClaimedDelivery(row));
    }
    const results = await this.connection.transactionOf([() => claimed, ([rows]) => this.factsOf(rows)]);
    return (results.at(-1)?.records ?? []).map((row) => this.toClaimedDelivery(row));
  }

  /**
   * Changes the deliveries that a condition chooses, in steps of which each knows the one before.
   *
   * @param assignments as `claimAssignments()` returns them, for a claim
   * @param andThen returns one more statement of the same transaction
   */
  async changeChosen(
    condition: Sql,
    assignments: Sql,
    andThen: (deliveries: readonly ClaimedDelivery[], formerClaims: ReadonlyMap<string, string>) => Sql | undefined,
  ): Promise<ClaimedDelivery[]> {
    const { dialect } = this.connection;
    const { deliveryState } = this.tables;
    const chosen = sql`SELECT s.delivery_id, s.claim_id FROM ${deliveryState} s WHERE ${condition} ${dialect.skipLocked}`;
    let deliveries: ClaimedDelivery[] = [];
    await this.connection.transactionOf([
      () => chosen,
      ([rows]) => {
        const ids = [...keysOf(rows, 'delivery_id')];
        if (ids.length === 0) return undefined;
        return sql`UPDATE ${deliveryState} SET ${assignments} WHERE ${dialect.isOneOf('delivery_id', ids)}`;
      },
      ([rows]) => this.factsOf(rows),
      ([rows, , facts]) => {
        deliveries = (facts?.records ?? []).map((row) => this.toClaimedDelivery(row));
        const formerClaims = rows?.records.map((row) => [String(row.delivery_id), String(row.claim_id)] as const);
        return andThen(deliveries, new Map(formerClaims));
      },
    ]);
    return deliveries;
  }

  /**
   * Returns the assignments of a claim. The change comes first: MySQL assigns from left to right, and it asks for the
   * claim before.
   */
  claimAssignments(change: Sql, { claimId, expiresAt }: Lease): Sql {
    return sql`${change}, dispatches = dispatches + 1, claim_id = ${claimId}, lease_expires_at = ${expiresAt}`;
  }

  /** Returns the statement that reads what a worker needs of these deliveries. */
  factsOf(claimed: SqlResult | undefined): Sql | undefined {
    const { delivery, deliveryState } = this.tables;
    const ids = [...keysOf(claimed, 'delivery_id')];
    if (ids.length === 0) return undefined;
    return sql`SELECT ${FACTS}, ${PROGRESS} FROM ${deliveryState} s JOIN ${delivery} d ON d.id = s.delivery_id
      WHERE ${this.connection.dialect.isOneOf('s.delivery_id', ids)}`;
  }

  /** Renews leases. Returns the ids that were renewed, those that another claim has, and those that are erased. */
  async renew(claims: readonly ClaimKey[], expiresAt: number): Promise<Renewal> {
    const { changed } = await this.updateClaimed(claims, sql`lease_expires_at = ${expiresAt}`, 'urgent');
    const others = claims.filter(({ id }) => !changed.has(id));
    if (others.length === 0) return { renewed: changed, rescued: new Set(), erased: new Set() };
    const ids = others.map(({ id }) => id);
    const lost = sql`SELECT delivery_id, claim_id, state FROM ${this.tables.deliveryState}
      WHERE ${this.connection.dialect.isOneOf('delivery_id', ids)} AND state IN ('processing', 'erased')`;
    const { records } = await this.connection.execute(lost, 'urgent');
    const held = records.filter(({ state }) => state === 'processing');
    const erased = records.filter(({ state }) => state === 'erased');
    const holders = new Map(held.map((row) => [String(row.delivery_id), String(row.claim_id)]));
    const rescued = others.filter(({ id, claimId }) => (holders.get(id) ?? claimId) !== claimId);
    return {
      renewed: changed,
      rescued: new Set(rescued.map(({ id }) => id)),
      erased: new Set(erased.map((row) => String(row.delivery_id))),
    };
  }

  /**
   * Releases deliveries that were not processed. Any worker can claim them at once, as if they had never been claimed.
   * Returns their ids.
   */
  async release(claims: readonly ClaimKey[], now: number): Promise<Set<string>> {
    const set = sql`state = 'pending', next_attempt_at = ${now}, dispatches = dispatches - 1,
      rescues = CASE WHEN rescues > 0 THEN rescues - 1 ELSE 0 END, ${NO_LEASE}`;
    return (await this.updateClaimed(claims, set)).changed;
  }

  /**
   * Ends claims by an update of all of them. Most often nobody has locked one, and their number is enough.
   *
   * @returns how many were updated, and the ids of those that another transaction has locked; the others are no longer
   *   claimed
   */
  async endClaimed(claims: readonly ClaimKey[], set: Sql): Promise<{ written: number; locked: Set<string> }> {
    const { connection } = this;
    const update = sql`UPDATE ${this.tables.deliveryState} SET ${set} WHERE ${this.claimedBy(claims)}`;
    try {
      const { affected } = await connection.execute(connection.dialect.withoutWaiting(update));
      return { written: affected, locked: new Set() };
    } catch (error) {
      if (!isLocked(connection.dialect, error)) throw error;
      const { changed, locked } = await this.updateClaimed(claims, set);
      return { written: changed.size, locked };
    }
  }

  /**
   * Updates deliveries that this worker has claimed.
   *
   * @returns the ids that were changed, and those that another transaction has locked; the others are no longer claimed
   */
  private async updateClaimed(
    claims: readonly ClaimKey[],
    set: Sql,
    lane?: Lane,
  ): Promise<{ changed: Set<string>; locked: Set<string> }> {
    const changed = new Set<string>();
    let rest = claims;
    for (let tries = 1; ; tries++) {
      for (const id of await this.update({ set, where: this.claimedBy(rest) }, lane)) changed.add(id);
      rest = claims.filter(({ id }) => !changed.has(id));
      if (rest.length === 0) return { changed, locked: new Set() };
      const held = sql`SELECT delivery_id FROM ${this.tables.deliveryState} WHERE ${this.claimedBy(rest)}`;
      const locked = keysOf(await this.connection.execute(held, lane), 'delivery_id');
      if (locked.size === 0 || tries === LOCKED_TRIES) return { changed, locked };
      rest = rest.filter(({ id }) => locked.has(id));
      await sleep(LOCKED_DELAY_MS); // MySQL locks every row that a statement looks at, for a moment
    }
  }

  /** Returns the condition on deliveries that these claims have. */
  claimedBy(claims: readonly ClaimKey[]): Sql {
    return isClaimedBy(claims, this.connection.dialect);
  }

  private update(change: { set: Sql; where: Sql }, lane?: Lane): Promise<Set<string>> {
    return updateUnlocked(this.connection, this.tables.deliveryState, { ...change, key: 'delivery_id' }, lane);
  }

  /** The body stays as it is stored: one that does not open must not fail the claim. */
  toClaimedDelivery(row: Record<string, unknown>): ClaimedDelivery {
    return {
      id: String(row.delivery_id),
      tenant: String(row.tenant),
      sessionId: String(row.session_id),
      status: row.status as ClaimedDelivery['status'],
      rawBody: String(row.raw_body),
      isOpen: false,
      dispatches: Number(row.dispatches),
      rescues: Number(row.rescues),
      replays: Number(row.replays),
      onlyNamedHandlers: Number(row.only_named_handlers),
      expectedHandlers: row.expected_handlers === null ? [] : (JSON.parse(String(row.expected_handlers)) as string[]),
      receivedAt: Number(row.received_at),
      traceContext: (row.trace_context as string | null) ?? null,
      replayTraceContext: (row.replay_trace_context as string | null) ?? null,
    };
  }
}
