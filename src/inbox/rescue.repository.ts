import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { raw, sql, type Sql } from '../database/sql.js';
import { updateUnlocked } from '../database/unlocked.update.js';
import { ClaimRepository, NO_LEASE } from './claim.repository.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { HandlerSetRepository, type HandlersByStatus } from './handler-set.repository.js';
import { handlersOf, workerOf, type ClaimedDelivery, type Lease } from './delivery.factory.js';
import { Tables } from './tables.js';

/** Number of crashes in a row after which a delivery is dead. */
const MAX_CRASHES = 3;

/** What a look for expired leases knows. */
export interface RescueLook {
  readonly lease: Lease;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Most deliveries to rescue. */
  readonly limit: number;
  /** Ids of the deliveries that are left alone. */
  readonly except: readonly string[];
  /** True: only deliveries that were rescued before, one of which may crash its worker; false: only others. */
  readonly suspects: boolean;
}

/** Deliveries of workers with other handlers. */
export interface ForeignDeliveries {
  readonly rescued: readonly ClaimedDelivery[];
  /** Ids of those of which nobody has recorded the handlers that they have to reach. */
  readonly unknown: readonly string[];
}

/** Finds deliveries whose lease has expired, and tells a crash from a worker that was only cut off. */
@Injectable()
export class RescueRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly claims: ClaimRepository,
    private readonly runs: HandlerRunRepository,
    private readonly handlerSets: HandlerSetRepository,
  ) {}

  /**
   * Rescues deliveries whose lease has expired, and of which it is known which handlers they have to reach. One that
   * this worker itself let expire counts as no crash: the worker was cut off from the database, and has not crashed.
   */
  rescueExpired(look: RescueLook): Promise<ClaimedDelivery[]> {
    const { lease, now } = look;
    const which = sql`${this.expiredBefore(now, look)} AND ${this.isKnown(lease.claimId)}`;
    return this.claims.claimWhere(this.inOrder(which, look), rescuedBy(lease), lease);
  }

  /**
   * Rescues deliveries of workers with other handlers, whose runs nobody has saved. For the grace time, they are left to
   * workers that have the same. Their handlers are then looked up, and their runs are saved with the claim: what this
   * worker does not have, the delivery waits for.
   *
   * @param handlers handlers of this worker
   * @param grace milliseconds
   */
  async rescueForeign(look: RescueLook, handlers: HandlersByStatus, grace: number): Promise<ForeignDeliveries> {
    const { lease, now } = look;
    const which = sql`${this.expiredBefore(now - grace, look)} AND NOT ${this.isKnown(lease.claimId)}`;
    const { records } = await this.connection.execute(
      sql`SELECT s.claim_id FROM ${this.tables.deliveryState} s WHERE ${this.inOrder(which, look)}`,
    );
    if (records.length === 0) return { rescued: [], unknown: [] };
    const fingerprints = new Set(records.map(({ claim_id: claim }) => handlersOf(String(claim)) ?? ''));
    const sets = await this.handlerSets.find([...fingerprints]);
    const unknown: string[] = [];
    const rescued = await this.claims.claimChosen(
      this.inOrder(which, look),
      rescuedBy(lease),
      lease,
      (deliveries, claims) => {
        const mustReach = deliveries.flatMap(({ id, status }) => {
          const its = sets.get(handlersOf(claims.get(id) ?? '') ?? '');
          if (!its) unknown.push(id);
          const ids = its ? [...(its.get(status) ?? []), ...(handlers.get(status) ?? [])] : [];
          return [...new Set(ids)].map((handler) => ({ deliveryId: id, handler }));
        });
        return this.runs.expecting(mustReach, now);
      },
    );
    return { rescued, unknown };
  }

  private expiredBefore(time: number, { lease: { claimId }, suspects, except }: RescueLook): Sql {
    const isSuspect = suspects
      ? sql`rescues > 0 AND (rescues < ${MAX_CRASHES - 1} OR ${isOf(claimId)})`
      : sql`rescues = 0`;
    return sql`state = 'processing' AND lease_expires_at < ${time} AND ${isSuspect} ${this.except(except)}`;
  }

  private inOrder(which: Sql, { limit }: RescueLook): Sql {
    return sql`${which} ORDER BY lease_expires_at LIMIT ${raw(String(limit))}`;
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

/** A worker that rescues what it has let expire itself has not crashed. */
function rescuedBy({ claimId }: Lease): Sql {
  return sql`rescues = CASE WHEN ${isOf(claimId)} THEN rescues ELSE rescues + 1 END`;
}

/** Returns the condition that the worker of a claim holds a delivery, by whichever claim. */
function isOf(claimId: string): Sql {
  return sql`claim_id LIKE ${`${workerOf(claimId)}:%`}`;
}
