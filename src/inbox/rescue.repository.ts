import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { raw, sql, type Sql } from '../database/sql.js';
import { updateUnlocked } from '../database/unlocked.update.js';
import { ClaimRepository, NO_LEASE } from './claim.repository.js';
import { handlersOf, workerOf, type ClaimedDelivery, type Lease } from './delivery.factory.js';
import { Tables } from './tables.js';

/** Number of crashes in a row after which a delivery is dead. */
const MAX_CRASHES = 3;

/** Finds deliveries whose lease has expired, and tells a crash from a worker that was only cut off. */
@Injectable()
export class RescueRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly claims: ClaimRepository,
  ) {}

  /**
   * Rescues deliveries whose lease has expired. One that this worker itself let expire counts as no crash: the worker
   * was cut off from the database, and has not crashed.
   *
   * @param suspects true: only deliveries that were rescued before, one of which may crash its worker; false: only
   *   others
   * @param grace milliseconds for which the suspects of a worker with other handlers are left to those that have them
   */
  rescueExpired(
    lease: Lease,
    now: number,
    limit: number,
    inFlightIds: readonly string[],
    suspects: boolean,
    grace = 0,
  ): Promise<ClaimedDelivery[]> {
    const isKnown = this.isKnown(lease.claimId);
    const which = suspects
      ? sql`rescues > 0 AND (rescues < ${MAX_CRASHES - 1} OR ${isOf(lease.claimId)}) AND (${isKnown} OR lease_expires_at < ${now - grace})`
      : sql`rescues = 0 AND ${isKnown}`;
    return this.rescueWhere(which, lease, { now, limit, inFlightIds });
  }

  /**
   * Rescues deliveries of a worker with other handlers, whose runs nobody has saved: it is not known which handlers they
   * have to reach. For the grace time, in milliseconds, they are left to workers that have the same.
   */
  rescueForeign(
    lease: Lease,
    now: number,
    limit: number,
    inFlightIds: readonly string[],
    grace: number,
  ): Promise<ClaimedDelivery[]> {
    const which = sql`rescues = 0 AND NOT ${this.isKnown(lease.claimId)} AND lease_expires_at < ${now - grace}`;
    return this.rescueWhere(which, lease, { now, limit, inFlightIds });
  }

  private rescueWhere(
    which: Sql,
    lease: Lease,
    { now, limit, inFlightIds }: { now: number; limit: number; inFlightIds: readonly string[] },
  ): Promise<ClaimedDelivery[]> {
    return this.claims.claimWhere(
      sql`state = 'processing' AND lease_expires_at < ${now} AND ${which} ${this.except(inFlightIds)}
          ORDER BY lease_expires_at LIMIT ${raw(String(limit))}`,
      sql`rescues = CASE WHEN ${isOf(lease.claimId)} THEN rescues ELSE rescues + 1 END`,
      lease,
    );
  }

  /**
   * Returns the condition that it is known which handlers a delivery has to reach: those of this worker, which are those
   * of the worker that has crashed, or those whose runs are saved.
   */
  private isKnown(claimId: string): Sql {
    const handlers = handlersOf(claimId);
    if (!handlers) return raw('(1 = 1)');
    return sql`(claim_id LIKE ${`%:%:${handlers}`} OR NOT claim_id LIKE '%:%:%'
      OR EXISTS (SELECT 1 FROM ${this.tables.handlerRun} r WHERE r.delivery_id = s.delivery_id
        AND (r.state <> 'completed' OR r.attempts > 0)))`; // the transaction of a handler saves its own run alone
  }

  /** Ends deliveries that have crashed their worker `MAX_CRASHES` times in a row. Returns how many. */
  async deadLetterPoisoned({ claimId }: Lease, now: number, inFlightIds: readonly string[]): Promise<number> {
    const ended = await this.update({
      set: sql`state = 'dead', reason = 'crash-loop', finished_at = ${now}, ${NO_LEASE}`,
      where: sql`state = 'processing' AND lease_expires_at < ${now} AND rescues >= ${MAX_CRASHES - 1}
        AND NOT ${isOf(claimId)} ${this.except(inFlightIds)}`,
    });
    return ended.size;
  }

  /**
   * Takes back one rescue each of deliveries that other workers have rescued from this one. It was cut off from the
   * database, and has not crashed. Returns the ids of those that were.
   */
  async forgiveRescues({ claimId }: Lease, ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const isRescued = sql`state = 'processing' AND rescues > 0 AND NOT ${isOf(claimId)}`;
    return this.update({
      set: raw('rescues = rescues - 1'),
      where: sql`${this.connection.dialect.isOneOf('delivery_id', ids)} AND ${isRescued}`,
    });
  }

  /**
   * Lets leases expire that end later than any lease can. They were given before the clock of the database was set
   * back, and would last until it comes there again. Returns how many.
   */
  async expireLeasesAfter(latest: number, now: number): Promise<number> {
    const expired = await this.update({
      set: sql`lease_expires_at = ${now - 1}`,
      where: sql`state = 'processing' AND lease_expires_at > ${latest}`,
    });
    return expired.size;
  }

  private update(change: { set: Sql; where: Sql }): Promise<Set<string>> {
    return updateUnlocked(this.connection, this.tables.deliveryState, { ...change, key: 'delivery_id' });
  }

  private except(ids: readonly string[]): Sql {
    return ids.length > 0 ? sql`AND NOT ${this.connection.dialect.isOneOf('delivery_id', ids)}` : raw('');
  }
}

/** Returns the condition that the worker of a claim holds a delivery, by whichever claim. */
function isOf(claimId: string): Sql {
  return sql`claim_id LIKE ${`${workerOf(claimId)}:%`}`;
}
