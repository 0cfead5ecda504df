import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { isLocked } from '../database/database.errors.js';
import { anyOf, raw, sql, type Sql } from '../database/sql.js';
import { updateUnlocked } from '../database/unlocked.update.js';
import { hasHandlerFingerprint, hasSameHandlers, isLookedUp, isOfWorker } from './claim-owner.queries.js';
import { ClaimRepository, setExpectedHandlers, NO_LEASE } from './claim.repository.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { HandlerSetRepository, type HandlersByStatus } from './handler-set.repository.js';
import {
  expectedRuns,
  handlerFingerprintOrEmpty,
  isCovered,
  withExpected,
  type LookedUpSets,
} from './expected-handlers.js';
import type { ClaimedDelivery, Lease } from './claimed-delivery.js';
import { Tables } from './tables.js';

/** Number of crashes in a row after which a delivery is dead. */
export const MAX_CRASHES = 3;
/** Most deliveries that one statement ends. */
const MAX_DEAD = 200;
/** Most deliveries that are changed one by one, before the next query. */
const MAX_SINGLE_CHANGES = 20;

/** Most deliveries that are made due at once. */
export const DUE_BATCH = 5_000;

/** Scope of a search for expired leases. */
export interface RescueQuery {
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
  /** Ids of those that nobody has recorded the handlers of. */
  readonly unknown: readonly string[];
}

/** Changes this many deliveries at most, and saves with them what they expect. */
type Change = (limit: number, save: (deliveries: readonly ClaimedDelivery[]) => Sql | undefined) => Promise<number>;

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
   * Rescues deliveries whose lease has expired, of workers with the same handlers. One that this worker itself let
   * expire counts as no crash: the worker was cut off from the database, and has not crashed.
   */
  rescueExpired(query: RescueQuery): Promise<ClaimedDelivery[]> {
    const condition = sql`${this.isExpired(query)} AND ${hasSameHandlers(query.lease)}`;
    return this.claims.claimWhere(oldestFirst(condition, query.limit), rescuedBy(query.lease), query.lease);
  }

  /**
   * Rescues deliveries of workers with other handlers. These are looked up, and the runs of all handlers, theirs and
   * those of this worker, are saved with the claim: the delivery waits for what this worker does not have. For the
   * grace time, it is left to workers that have everything.
   *
   * @param handlers handlers of this worker
   * @param grace milliseconds
   */
  async rescueForeign(query: RescueQuery, handlers: HandlersByStatus, grace: number): Promise<ForeignDeliveries> {
    const { lease, now } = query;
    const isForeign = sql`${this.isExpired(query)} AND NOT ${hasSameHandlers(lease)}`;
    const sets = await this.setsOf(oldestFirst(isForeign, query.limit));
    if (!sets) return { rescued: [], unknown: [] };
    const covered = [...sets].flatMap(([fingerprint, set]) =>
      set && isCovered(set, handlers) ? [hasHandlerFingerprint(fingerprint)] : [],
    );
    const isFree = anyOf([sql`lease_expires_at < ${now - grace}`, ...covered]);
    const condition = sql`${isForeign} AND ${isFree} AND ${isLookedUp(sets)}`;
    const claimAssignments = this.claims.claimAssignments(rescuedBy(lease), lease);
    const foreign = { rescued: [] as ClaimedDelivery[], unknown: [] as string[] };
    await this.changeWithRuns(query, async (limit, save) => {
      let [expecting, unknown]: [ClaimedDelivery[], string[]] = [[], []];
      await this.claims.changeChosen(oldestFirst(condition, limit), claimAssignments, (deliveries, claims) => {
        unknown = deliveries.map(({ id }) => id).filter((id) => !sets.get(handlerFingerprintOrEmpty(claims.get(id))));
        expecting = deliveries.map((delivery) => withExpected(delivery, claims, sets, handlers));
        return save(expecting);
      });
      foreign.rescued.push(...expecting);
      foreign.unknown.push(...unknown);
      return expecting.length;
    });
    return foreign;
  }

  /**
   * Changes deliveries, and saves the runs of the handlers that they expect. If a transaction of a worker that has
   * crashed still has one of the runs, each delivery is changed by itself, and the one that meets it keeps what it
   * expects: nobody waits for a machine that has vanished.
   *
   * @param change returns how many it has changed
   */
  private async changeWithRuns({ limit, now }: Pick<RescueQuery, 'limit' | 'now'>, change: Change): Promise<number> {
    const changeOr = async (most: number, otherwise: () => Promise<number>) => {
      try {
        return await change(most, (deliveries) =>
          this.runs.insertPendingStatement(deliveries.flatMap(expectedRuns), now),
        );
      } catch (error) {
        if (!isLocked(this.connection.dialect, error)) throw error;
        return otherwise();
      }
    };
    return changeOr(limit, async () => {
      let changed = 0;
      for (let rest = Math.min(limit, MAX_SINGLE_CHANGES); rest > 0; rest--) {
        const one = await changeOr(1, () => change(1, ([delivery]) => delivery && this.keepExpected(delivery)));
        changed += one;
        if (one === 0) break;
      }
      return changed;
    });
  }

  private keepExpected({ id, expectedHandlers }: ClaimedDelivery): Sql {
    return sql`UPDATE ${this.tables.deliveryState} SET ${setExpectedHandlers(expectedHandlers)} WHERE delivery_id = ${id}`;
  }

  /**
   * Looks up the sets of handlers of the claims of deliveries. Returns undefined if there are no such deliveries, and
   * an undefined set for a fingerprint that nobody has recorded.
   */
  private async setsOf(condition: Sql): Promise<LookedUpSets | undefined> {
    const { records } = await this.connection.execute(
      sql`SELECT s.claim_id FROM ${this.tables.deliveryState} s WHERE ${condition}`,
    );
    if (records.length === 0) return undefined;
    const fingerprints = [...new Set(records.map((row) => handlerFingerprintOrEmpty(String(row.claim_id))))];
    const found = await this.handlerSets.find(fingerprints);
    return new Map(fingerprints.map((fingerprint) => [fingerprint, found.get(fingerprint)]));
  }

  private isExpired({ lease: { claimId }, now, suspects, except }: RescueQuery): Sql {
    const isSuspect = suspects
      ? sql`rescues > 0 AND (rescues < ${MAX_CRASHES - 1} OR ${isOfWorker(claimId)})`
      : sql`rescues = 0`;
    return sql`state = 'processing' AND lease_expires_at < ${now} AND ${isSuspect} ${this.except(except)}`;
  }

  /**
   * Ends deliveries that have crashed their worker `MAX_CRASHES` times in a row, and saves which handlers they have to
   * reach when somebody replays them. Returns how many.
   */
  async deadLetterPoisoned({ claimId }: Lease, now: number, except: readonly string[]): Promise<number> {
    const condition = sql`state = 'processing' AND lease_expires_at < ${now} AND rescues >= ${MAX_CRASHES - 1}
      AND NOT ${isOfWorker(claimId)} ${this.except(except)}`;
    const sets = await this.setsOf(oldestFirst(condition, MAX_DEAD));
    if (!sets) return 0;
    const dead = sql`state = 'dead', reason = 'crash-loop', finished_at = ${now}, ${NO_LEASE}`;
    return this.changeWithRuns({ limit: MAX_DEAD, now }, async (limit, save) => {
      const lookedUp = sql`${condition} AND ${isLookedUp(sets)}`;
      const ended = await this.claims.changeChosen(oldestFirst(lookedUp, limit), dead, (deliveries, claims) =>
        save(deliveries.map((delivery) => withExpected(delivery, claims, sets))),
      );
      return ended.length;
    });
  }

  /**
   * Takes back one rescue each of deliveries that other workers have rescued from this one. It was cut off from the
   * database, and has not crashed. Returns the ids of those that were.
   */
  async undoRescues({ claimId }: Lease, ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const isRescued = sql`state = 'processing' AND rescues > 0 AND NOT ${isOfWorker(claimId)}`;
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

  /**
   * Makes due what nobody has begun and what is due only later. It was recorded before the clock of the database was set
   * back, and would wait until it comes there again. Returns how many, at most `DUE_BATCH`.
   */
  async makeDueAfter(latest: number, now: number): Promise<number> {
    const due = await this.update({
      set: sql`next_attempt_at = ${now}`,
      where: sql`state = 'pending' AND dispatches = 0 AND replays = 0 AND next_attempt_at > ${latest}
        ORDER BY next_attempt_at LIMIT ${raw(String(DUE_BATCH))}`,
    });
    return due.size;
  }

  private update(change: { set: Sql; where: Sql }): Promise<Set<string>> {
    return updateUnlocked(this.connection, this.tables.deliveryState, { ...change, key: 'delivery_id' });
  }

  private except(ids: readonly string[]): Sql {
    return ids.length > 0 ? sql`AND NOT ${this.connection.dialect.isOneOf('delivery_id', ids)}` : raw('');
  }
}

function oldestFirst(condition: Sql, limit: number): Sql {
  return sql`${condition} ORDER BY lease_expires_at LIMIT ${raw(String(limit))}`;
}

/** A worker that rescues what it has let expire itself has not crashed. */
function rescuedBy({ claimId }: Lease): Sql {
  return sql`rescues = CASE WHEN ${isOfWorker(claimId)} THEN rescues ELSE rescues + 1 END`;
}
