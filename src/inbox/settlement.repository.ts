import { Injectable } from '@nestjs/common';
import { DatabaseConnection, type StatementStep } from '../database/database.connection.js';
import type { SqlResult } from '../database/dialect/dialect.js';
import { isLocked } from '../database/database.errors.js';
import { raw, sql, type Sql } from '../database/sql.js';
import { AttemptRepository, type NewAttempt } from './attempt.repository.js';
import { ClaimRepository, setExpectedHandlers, NO_LEASE } from './claim.repository.js';
import type { ClaimKey } from './claimed-delivery.js';
import type { HandlerRun } from './handler-run.entity.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import type { EnqueuedRun } from './queued-run.js';
import { QueuedRunRepository } from './queued-run.repository.js';
import { Tables } from './tables.js';

/** Outcome of one attempt of a claimed delivery, with the runs of its handlers. */
export interface Settlement {
  readonly claim: ClaimKey;
  readonly outcome: { readonly nextAttemptAt: number } | 'completed' | 'dead';
  readonly runs: readonly HandlerRun[];
  /** Handlers that have to be reached, and have no run yet. Undefined leaves them as they are. */
  readonly expected?: ExpectedHandlers | undefined;
  /** Runs that were given to a queue; undefined if no handler of the delivery has one. */
  readonly enqueued?: readonly EnqueuedRun[] | undefined;
  /** Executions that are kept. */
  readonly attempts?: readonly NewAttempt[] | undefined;
}

/** `areLocked`: a transaction has the run of one of them, so that they are kept with the delivery. */
export interface ExpectedHandlers {
  readonly ids: readonly string[];
  readonly areLocked: boolean;
}

/** Writes the outcomes of attempts, each with its runs in one transaction. */
@Injectable()
export class SettlementRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly claims: ClaimRepository,
    private readonly runs: HandlerRunRepository,
    private readonly queued: QueuedRunRepository,
    private readonly attempts: AttemptRepository,
  ) {}

  /**
   * Ends one attempt: the delivery is completed, dead, or waits for its next attempt. Its handler runs are saved in the
   * same transaction, and so are those that are expected: with the delivery, if another transaction has one of these.
   * Resolves to `false` if another claim has the delivery; nothing is saved then.
   */
  async settle(settlement: Settlement, now: number): Promise<boolean> {
    const { expected } = settlement;
    if (!expected) return this.write(settlement, { now });
    const { ids, areLocked } = expected;
    // A try would hold the delivery's row while it waits, and nobody could renew the lease.
    if (areLocked) return this.write(settlement, { now, runs: [], kept: ids });
    try {
      return await this.write(settlement, { now, runs: ids, kept: [] });
    } catch (error) {
      if (ids.length === 0 || !isLocked(this.connection.dialect, error)) throw error;
      return this.write(settlement, { now, runs: [], kept: ids });
    }
  }

  /** @param expected handlers whose runs are saved, and those that are kept with the delivery */
  private async write(
    { claim, outcome, runs, enqueued, attempts = [] }: Settlement,
    { now, ...expected }: { now: number; runs?: readonly string[]; kept?: readonly string[] },
  ): Promise<boolean> {
    const kept = expected.kept ? sql`${setExpectedHandlers(expected.kept)}, ` : raw('');
    const missing = expected.runs?.map((handler) => ({ deliveryId: claim.id, handler })) ?? [];
    const [settled] = await this.connection.transactionOf([
      () =>
        sql`UPDATE ${this.tables.deliveryState} SET ${kept}${assignmentsOf(outcome, now)} WHERE ${this.claims.claimedBy([claim])}`,
      ([update]) => (update?.affected === 1 ? this.runs.upsertStatement(runs) : undefined),
      ([update]) => (update?.affected === 1 ? this.runs.insertPendingStatement(missing, now) : undefined),
      ...(enqueued ? this.queued.afterPass((update) => (update?.affected === 1 ? [claim.id] : []), enqueued, now) : []),
      ...this.attempts.keepingSteps(attempts, ([update]) => (update?.affected === 1 ? attempts : [])),
    ]);
    return settled?.affected === 1;
  }

  /**
   * Ends attempts of several deliveries in one transaction. Returns those that it has ended. Another transaction has
   * locked the others, or another claim has them, or they expect handlers: their runs may be locked.
   */
  async settleTogether(all: readonly Settlement[], now: number): Promise<Set<Settlement>> {
    const settlements = all.filter(({ expected }) => !expected);
    if (settlements.length === 0) return new Set();
    const { isOneOf, skipLocked } = this.connection.dialect;
    const table = this.tables.deliveryState;
    const held = this.claims.claimedBy(settlements.map(({ claim }) => claim));
    const endWhere =
      (isMeant: (settlement: Settlement) => boolean): StatementStep =>
      ([rows]) => {
        const claimed = heldOf(settlements, rows).filter(isMeant);
        if (claimed.length === 0) return undefined;
        const ids = claimed.map(({ claim }) => claim.id);
        return sql`UPDATE ${table} SET ${assignmentsOfAll(claimed, now)} WHERE ${isOneOf('delivery_id', ids)}`;
      };
    const [rows] = await this.connection.transactionOf([
      () => sql`SELECT delivery_id, claim_id FROM ${table} WHERE ${held} ${skipLocked}`,
      endWhere(({ outcome }) => typeof outcome === 'object'),
      endWhere(({ outcome }) => outcome === 'completed'),
      endWhere(({ outcome }) => outcome === 'dead'),
      ([first]) => this.runs.upsertStatement(heldOf(settlements, first).flatMap(({ runs }) => runs)),
      ...this.afterPass(settlements, now),
      ...this.attempts.keepingSteps(settlements.flatMap(attemptsOf), ([first]) =>
        heldOf(settlements, first).flatMap(attemptsOf),
      ),
    ]);
    return new Set(heldOf(settlements, rows));
  }

  private afterPass(settlements: readonly Settlement[], now: number): StatementStep[] {
    const queued = settlements.filter(({ enqueued }) => enqueued);
    if (queued.length === 0) return [];
    const enqueued = queued.flatMap((settlement) => settlement.enqueued ?? []);
    return this.queued.afterPass((rows) => heldOf(queued, rows).map(({ claim }) => claim.id), enqueued, now);
  }
}

/** Returns those whose claim has its delivery still. A worker may settle two claims of one delivery at once. */
function heldOf(settlements: readonly Settlement[], rows: SqlResult | undefined): Settlement[] {
  const held = new Map(rows?.records.map((row) => [row.delivery_id, row.claim_id]));
  return settlements.filter(({ claim }) => held.get(claim.id) === claim.claimId);
}

function attemptsOf({ attempts = [] }: Settlement): readonly NewAttempt[] {
  return attempts;
}

/** Returns the assignments that end an attempt. */
function assignmentsOf(outcome: Settlement['outcome'], now: number): Sql {
  return typeof outcome === 'object' ? pendingUntil(sql`${outcome.nextAttemptAt}`) : endedAs(outcome, now);
}

/** Returns the assignments that end attempts whose outcomes differ in nothing but the next attempt. */
function assignmentsOfAll(settlements: readonly Settlement[], now: number): Sql {
  let dueAt = raw('');
  for (const { claim, outcome } of settlements) {
    if (typeof outcome !== 'object') return endedAs(outcome, now);
    dueAt = sql`${dueAt} WHEN ${claim.id} THEN ${raw(String(outcome.nextAttemptAt))}`;
  }
  return pendingUntil(sql`CASE delivery_id ${dueAt} END`);
}

function pendingUntil(nextAttemptAt: Sql): Sql {
  return sql`state = 'pending', next_attempt_at = ${nextAttemptAt}, rescues = 0, ${NO_LEASE}`;
}

function endedAs(outcome: 'completed' | 'dead', now: number): Sql {
  const reason = outcome === 'dead' ? 'handler' : null;
  return sql`state = ${outcome}, finished_at = ${now}, reason = ${reason}, rescues = 0, ${NO_LEASE}`;
}
