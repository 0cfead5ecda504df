import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { isLocked } from '../database/database.errors.js';
import { anyOf, raw, sql, type Sql } from '../database/sql.js';
import { updateUnlocked } from '../database/unlocked.update.js';
import { ClaimRepository, NO_LEASE } from './claim.repository.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { HandlerSetRepository, type HandlersByStatus } from './handler-set.repository.js';
import { handlersOf, workerOf, type ClaimedDelivery, type Lease } from './delivery.factory.js';
import { Tables } from './tables.js';

/** Number of crashes in a row after which a delivery is dead. */
const MAX_CRASHES = 3;
/** Most deliveries that one statement ends. */
const MAX_DEAD = 200;
/** Most deliveries that are changed one by one, before the next look. */
const MAX_SINGLE_CHANGES = 20;

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
  /** Ids of those whose runs could not be saved: nobody has recorded their handlers, or a transaction has one. */
  readonly unknown: readonly string[];
}

/** Sets of handlers by their fingerprint; undefined if nobody has recorded it. */
type LookedUpSets = ReadonlyMap<string, HandlersByStatus | undefined>;

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
   * Rescues deliveries whose lease has expired, of workers with the same handlers. One that this worker itself let expire
   * counts as no crash: the worker was cut off from the database, and has not crashed.
   */
  rescueExpired(look: RescueLook): Promise<ClaimedDelivery[]> {
    const which = sql`${this.isExpired(look)} AND ${isOfTheSame(look.lease)}`;
    return this.claims.claimWhere(inOrder(which, look.limit), rescuedBy(look.lease), look.lease);
  }

  /**
   * Rescues deliveries of workers with other handlers. These are looked up, and the runs of all handlers, theirs and those
   * of this worker, are saved with the claim: the delivery waits for what this worker does not have. For the grace time, it
   * is left to workers that have everything.
   *
   * @param handlers handlers of this worker
   * @param grace milliseconds
   */
  async rescueForeign(look: RescueLook, handlers: HandlersByStatus, grace: number): Promise<ForeignDeliveries> {
    const { lease, now } = look;
    const isForeign = sql`${this.isExpired(look)} AND NOT ${isOfTheSame(lease)}`;
    const sets = await this.setsOf(inOrder(isForeign, look.limit));
    if (!sets) return { rescued: [], unknown: [] };
    const covered = [...sets].flatMap(([its, set]) => (set && isCovered(set, handlers) ? [hasFingerprint(its)] : []));
    const isFree = anyOf([sql`lease_expires_at < ${now - grace}`, ...covered]);
    const which = sql`${isForeign} AND ${isFree} AND ${hasLookedUp(sets)}`;
    const claiming = this.claims.claiming(rescuedBy(lease), lease);
    const foreign = { rescued: [] as ClaimedDelivery[], unknown: [] as string[] };
    await this.unlessLocked(look.limit, async (limit, isSaving) => {
      let unknown: string[] = [];
      const rescued = await this.claims.changeChosen(inOrder(which, limit), claiming, (deliveries, claims) => {
        const isKnown = (id: string) => isSaving && sets.get(fingerprintOf(claims.get(id))) !== undefined;
        unknown = deliveries.map(({ id }) => id).filter((id) => !isKnown(id));
        return isSaving ? this.runs.expecting(runsOf(deliveries, claims, sets, handlers), now) : undefined;
      });
      foreign.rescued.push(...rescued);
      foreign.unknown.push(...unknown);
      return rescued.length;
    });
    return foreign;
  }

  /**
   * Changes deliveries together with their runs. If a transaction of a worker that has crashed still has one of the runs,
   * each delivery is changed by itself, and the one that meets it without its runs: nobody waits for a machine that has
   * vanished.
   *
   * @param change returns how many it has changed
   */
  private async unlessLocked(
    limit: number,
    change: (limit: number, isSaving: boolean) => Promise<number>,
  ): Promise<number> {
    const changeOr = async (most: number, otherwise: () => Promise<number>) => {
      try {
        return await change(most, true);
      } catch (error) {
        if (!isLocked(this.connection.dialect, error)) throw error;
        return otherwise();
      }
    };
    return changeOr(limit, async () => {
      let changed = 0;
      for (let rest = Math.min(limit, MAX_SINGLE_CHANGES); rest > 0; rest--) {
        const one = await changeOr(1, () => change(1, false));
        changed += one;
        if (one === 0) break;
      }
      return changed;
    });
  }

  /**
   * Looks up the sets of handlers of the claims of deliveries. Returns undefined if there are no such deliveries, and an
   * undefined set for a fingerprint that nobody has recorded.
   */
  private async setsOf(which: Sql): Promise<LookedUpSets | undefined> {
    const { records } = await this.connection.execute(
      sql`SELECT s.claim_id FROM ${this.tables.deliveryState} s WHERE ${which}`,
    );
    if (records.length === 0) return undefined;
    const fingerprints = [...new Set(records.map((row) => fingerprintOf(String(row.claim_id))))];
    const found = await this.handlerSets.find(fingerprints);
    return new Map(fingerprints.map((fingerprint) => [fingerprint, found.get(fingerprint)]));
  }

  private isExpired({ lease: { claimId }, now, suspects, except }: RescueLook): Sql {
    const isSuspect = suspects
      ? sql`rescues > 0 AND (rescues < ${MAX_CRASHES - 1} OR ${isOf(claimId)})`
      : sql`rescues = 0`;
    return sql`state = 'processing' AND lease_expires_at < ${now} AND ${isSuspect} ${this.except(except)}`;
  }

  /**
   * Ends deliveries that have crashed their worker `MAX_CRASHES` times in a row, and saves which handlers they have to
   * reach when somebody replays them. Returns how many.
   */
  async deadLetterPoisoned({ claimId }: Lease, now: number, except: readonly string[]): Promise<number> {
    const which = sql`state = 'processing' AND lease_expires_at < ${now} AND rescues >= ${MAX_CRASHES - 1}
      AND NOT ${isOf(claimId)} ${this.except(except)}`;
    const sets = await this.setsOf(inOrder(which, MAX_DEAD));
    if (!sets) return 0;
    const dead = sql`state = 'dead', reason = 'crash-loop', finished_at = ${now}, ${NO_LEASE}`;
    return this.unlessLocked(MAX_DEAD, async (limit, isSaving) => {
      const lookedUp = sql`${which} AND ${hasLookedUp(sets)}`;
      const ended = await this.claims.changeChosen(inOrder(lookedUp, limit), dead, (deliveries, claims) =>
        isSaving ? this.runs.expecting(runsOf(deliveries, claims, sets), now) : undefined,
      );
      return ended.length;
    });
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

function inOrder(which: Sql, limit: number): Sql {
  return sql`${which} ORDER BY lease_expires_at LIMIT ${raw(String(limit))}`;
}

/** Returns the condition that a claim is of a worker with the same handlers, or of none that tells them. */
function isOfTheSame({ claimId }: Lease): Sql {
  const handlers = handlersOf(claimId);
  return handlers ? sql`(${hasFingerprint(handlers)} OR NOT claim_id LIKE '%:%:%')` : raw('(1 = 1)');
}

/** Returns the fingerprint of the handlers of a claim; empty if it tells none. */
function fingerprintOf(claimId = ''): string {
  return handlersOf(claimId) ?? '';
}

/** Returns the condition that the set of a claim was looked up: another worker may have taken those that were seen. */
function hasLookedUp(sets: LookedUpSets): Sql {
  return anyOf([...sets.keys()].map((its) => (its ? hasFingerprint(its) : raw(`NOT claim_id LIKE '%:%:%'`))));
}

function hasFingerprint(handlers: string): Sql {
  return sql`claim_id LIKE ${`%:%:${handlers}`}`;
}

/** Tells whether a worker has every handler of a set. */
function isCovered(set: HandlersByStatus, handlers: HandlersByStatus): boolean {
  return [...set].every(([status, ids]) => ids.every((id) => handlers.get(status)?.includes(id)));
}

/** A worker that rescues what it has let expire itself has not crashed. */
function rescuedBy({ claimId }: Lease): Sql {
  return sql`rescues = CASE WHEN ${isOf(claimId)} THEN rescues ELSE rescues + 1 END`;
}

/** Returns the condition that the worker of a claim holds a delivery, by whichever claim. */
function isOf(claimId: string): Sql {
  return sql`claim_id LIKE ${`${workerOf(claimId)}:%`}`;
}

/** Returns the runs that deliveries have to reach: of the handlers of their claims, if these are known, and of more. */
function runsOf(
  deliveries: readonly ClaimedDelivery[],
  claims: ReadonlyMap<string, string>,
  sets: LookedUpSets,
  more: HandlersByStatus = new Map(),
): { deliveryId: string; handler: string }[] {
  return deliveries.flatMap(({ id, status }) => {
    const its = sets.get(fingerprintOf(claims.get(id)));
    const ids = its ? [...(its.get(status) ?? []), ...(more.get(status) ?? [])] : [];
    return [...new Set(ids)].map((handler) => ({ deliveryId: id, handler }));
  });
}
