import { Injectable } from '@nestjs/common';
import { DatabaseConnection, type Step } from '../database/database.connection.js';
import type { SqlResult } from '../database/dialect/dialect.js';
import { raw, sql, type Sql } from '../database/sql.js';
import { ClaimRepository, NO_LEASE } from './claim.repository.js';
import type { ClaimKey } from './delivery.factory.js';
import type { HandlerRun } from './handler-run.entity.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { Tables } from './tables.js';

/** Outcome of one attempt of a claimed delivery, with the runs of its handlers. */
export interface Settlement {
  readonly claim: ClaimKey;
  readonly outcome: { readonly nextAttemptAt: number } | 'completed' | 'dead';
  readonly runs: readonly HandlerRun[];
}

/** Writes the outcomes of attempts, each with its runs in one transaction. */
@Injectable()
export class SettlementRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly claims: ClaimRepository,
    private readonly runs: HandlerRunRepository,
  ) {}

  /**
   * Ends one attempt: the delivery is completed, dead, or waits for its next attempt. Its handler runs are saved in the
   * same transaction. Resolves to `false` if another claim has the delivery; nothing is saved then.
   */
  async settle({ claim, outcome, runs }: Settlement, now: number): Promise<boolean> {
    const [settled] = await this.connection.transactionOf([
      () =>
        sql`UPDATE ${this.tables.deliveryState} SET ${ending(outcome, now)} WHERE ${this.claims.claimedBy([claim])}`,
      ([update]) => (update?.affected === 1 ? this.runs.saving(runs) : undefined),
    ]);
    return settled?.affected === 1;
  }

  /**
   * Ends attempts of several deliveries in one transaction. Returns those that it has ended. Another transaction has
   * locked the others, or another claim has them.
   */
  async settleTogether(settlements: readonly Settlement[], now: number): Promise<Set<Settlement>> {
    const { isOneOf, skipLocked } = this.connection.dialect;
    const table = this.tables.deliveryState;
    const held = this.claims.claimedBy(settlements.map(({ claim }) => claim));
    const endingThose =
      (which: (settlement: Settlement) => boolean): Step =>
      ([rows]) => {
        const own = heldOf(settlements, rows).filter(which);
        if (own.length === 0) return undefined;
        const ids = own.map(({ claim }) => claim.id);
        return sql`UPDATE ${table} SET ${endingAll(own, now)} WHERE ${isOneOf('delivery_id', ids)}`;
      };
    const [rows] = await this.connection.transactionOf([
      () => sql`SELECT delivery_id, claim_id FROM ${table} WHERE ${held} ${skipLocked}`,
      endingThose(({ outcome }) => typeof outcome === 'object'),
      endingThose(({ outcome }) => outcome === 'completed'),
      endingThose(({ outcome }) => outcome === 'dead'),
      ([first]) => this.runs.saving(heldOf(settlements, first).flatMap(({ runs }) => runs)),
    ]);
    return new Set(heldOf(settlements, rows));
  }
}

/** Returns those whose claim has its delivery still. A worker may settle two claims of one delivery at once. */
function heldOf(settlements: readonly Settlement[], rows: SqlResult | undefined): Settlement[] {
  const held = new Map(rows?.records.map((row) => [row.delivery_id, row.claim_id]));
  return settlements.filter(({ claim }) => held.get(claim.id) === claim.claimId);
}

/** Returns the assignments that end an attempt. */
function ending(outcome: Settlement['outcome'], now: number): Sql {
  return typeof outcome === 'object' ? endingUntil(sql`${outcome.nextAttemptAt}`) : endingFor(outcome, now);
}

/** Returns the assignments that end attempts whose outcomes differ in nothing but the next attempt. */
function endingAll(settlements: readonly Settlement[], now: number): Sql {
  let dueAt = raw('');
  for (const { claim, outcome } of settlements) {
    if (typeof outcome !== 'object') return endingFor(outcome, now);
    dueAt = sql`${dueAt} WHEN ${claim.id} THEN ${raw(String(outcome.nextAttemptAt))}`;
  }
  return endingUntil(sql`CASE delivery_id ${dueAt} END`);
}

function endingUntil(nextAttemptAt: Sql): Sql {
  return sql`state = 'pending', next_attempt_at = ${nextAttemptAt}, rescues = 0, ${NO_LEASE}`;
}

function endingFor(outcome: 'completed' | 'dead', now: number): Sql {
  const reason = outcome === 'dead' ? 'handler' : null;
  return sql`state = ${outcome}, finished_at = ${now}, reason = ${reason}, rescues = 0, ${NO_LEASE}`;
}
