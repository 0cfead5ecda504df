import { Injectable } from '@nestjs/common';
import { DatabaseConnection, type StatementStep } from '../database/database.connection.js';
import type { SqlResult } from '../database/dialect/dialect.js';
import { anyOf, raw, sql, type Sql } from '../database/sql.js';
import { keysOf, updateUnlocked } from '../database/unlocked.update.js';
import { AttemptRepository } from './attempt.repository.js';
import { ClaimRepository } from './claim.repository.js';
import type { HandlerRun } from './handler-run.entity.js';
import { isRun, RUN_COLUMNS, toHandlerRun, type RunKey } from './handler-run.queries.js';
import {
  attemptsOf,
  claimedRuns,
  withoutSuspects,
  claimsOf,
  retryOf,
  dueTimes,
  type ClaimedQueuedRun,
  type EnqueuedRun,
  type RunClaim,
  type RunSettlement,
} from './queued-run.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { Tables } from './tables.js';

/** Most deliveries that are made due by one statement. */
const MAX_DUE_ROWS = 1_000;

/**
 * Claims and ends runs for workers of queues. A claimed run stays pending, with the claim and until the end of its
 * lease. Every outcome is written only while the row has its claim.
 */
@Injectable()
export class QueuedRunRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly claims: ClaimRepository,
    private readonly runs: HandlerRunRepository,
    private readonly attempts: AttemptRepository,
  ) {}

  /**
   * Saves runs that have not begun, unless they are saved. Returns the ids of their deliveries, without those that are
   * not being processed any more.
   */
  async store(keys: readonly RunKey[], now: number): Promise<Set<string>> {
    const ids = [...new Set(keys.map(({ deliveryId }) => deliveryId))];
    const which = sql`${this.connection.dialect.isOneOf('delivery_id', ids)} AND state = 'processing'`;
    const [held] = await this.connection.transactionOf([
      () => sql`SELECT delivery_id FROM ${this.tables.deliveryState} WHERE ${which} ORDER BY delivery_id FOR UPDATE`,
      ([rows]) => {
        const found = keysOf(rows, 'delivery_id');
        return this.runs.insertPendingStatement(
          keys.filter(({ deliveryId }) => found.has(deliveryId)),
          now,
        );
      },
    ]);
    return keysOf(held, 'delivery_id');
  }

  /**
   * Claims runs that are due, of deliveries that are open. The delivery is locked before its runs, as by everybody else,
   * so that operators and workers come one after the other. What is locked is left out.
   *
   * @param claims no two of the same run
   * @param expiresAt end of the leases
   * @param hasSuspect whether the worker has a run that may crash it. Else it gets one at most: a crash of it counts
   *   against no other suspect.
   */
  async claim(
    claims: readonly RunClaim[],
    now: number,
    expiresAt: number,
    hasSuspect = false,
  ): Promise<ClaimedQueuedRun[]> {
    const { isOneOf, skipLocked } = this.connection.dialect;
    const ids = [...new Set(claims.map(({ deliveryId }) => deliveryId))];
    const isOpen = sql`${isOneOf('delivery_id', ids)} AND state IN ('pending', 'processing')`;
    const chosenOf = (rows: SqlResult | undefined) => withoutSuspects(rows, hasSuspect ? 0 : 1);
    const [, found, , facts] = await this.connection.transactionOf([
      () =>
        sql`SELECT delivery_id FROM ${this.tables.deliveryState} WHERE ${isOpen} ORDER BY delivery_id ${skipLocked}`,
      ([open]) => this.dueOf(claims, keysOf(open, 'delivery_id'), now),
      ([, due]) => this.claimStatement(claimsOf(chosenOf(due), claims), now, expiresAt),
      ([, due]) => this.claims.factsOf(chosenOf(due)),
      // Whatever becomes of the worker and of the queue, somebody looks when the lease has ended.
      ([, due]) => this.dueByStatement(new Map([...keysOf(chosenOf(due), 'delivery_id')].map((id) => [id, expiresAt]))),
    ]);
    const deliveries = (facts?.records ?? []).map((row) => this.claims.toClaimedDelivery(row));
    return claimedRuns(chosenOf(found)?.records ?? [], deliveries, claims);
  }

  private dueOf(claims: readonly RunClaim[], open: ReadonlySet<string>, now: number): Sql | undefined {
    const wanted = claims.filter(({ deliveryId }) => open.has(deliveryId));
    if (wanted.length === 0) return undefined;
    const isDue = sql`state = 'pending' AND (next_attempt_at IS NULL OR next_attempt_at <= ${now})`;
    return sql`SELECT ${RUN_COLUMNS}, claim_id, claims, rescues FROM ${this.tables.handlerRun}
      WHERE ${anyOf(wanted.map(isRun))} AND ${isDue} ${this.connection.dialect.skipLocked}`;
  }

  private claimStatement(claims: readonly RunClaim[], now: number, expiresAt: number): Sql | undefined {
    if (claims.length === 0) return undefined;
    const branches = claims.map((claim) => sql`WHEN ${isRun(claim)} THEN ${claim.claimId}`);
    const cases = branches.reduce((before, next) => sql`${before} ${next}`);
    // `rescues` first: MySQL assigns from left to right, and it asks for the claim before.
    return sql`UPDATE ${this.tables.handlerRun} SET rescues = CASE WHEN claim_id IS NULL THEN 0 ELSE rescues + 1 END,
      claims = claims + 1, claim_id = CASE ${cases} END, next_attempt_at = ${expiresAt}, updated_at = ${now}
      WHERE ${anyOf(claims.map(isRun))}`;
  }

  /** Returns runs as they are now, whoever has them. */
  async find(keys: readonly RunKey[]): Promise<HandlerRun[]> {
    const { records } = await this.connection.execute(
      sql`SELECT ${RUN_COLUMNS}, claims FROM ${this.tables.handlerRun} WHERE ${anyOf(keys.map(isRun))}`,
    );
    return records.map(toHandlerRun);
  }

  /**
   * Renews leases. Returns the ids of the claims that their runs have still. A run that the transaction of its own
   * handler has locked is not renewed, and kept: nobody else can claim it.
   */
  async renew(claims: readonly RunClaim[], expiresAt: number): Promise<Set<string>> {
    const { isOneOf, skipLocked } = this.connection.dialect;
    const { handlerRun } = this.tables;
    const held = sql`${this.isClaimed(claims)} AND state = 'pending'`;
    await this.connection.transactionOf(
      [
        () => sql`SELECT claim_id FROM ${handlerRun} WHERE ${held} ${skipLocked}`,
        ([rows]) => {
          const ids = [...keysOf(rows, 'claim_id')];
          if (ids.length === 0) return undefined;
          return sql`UPDATE ${handlerRun} SET next_attempt_at = ${expiresAt} WHERE ${held} AND ${isOneOf('claim_id', ids)}`;
        },
      ],
      'urgent',
    );
    return keysOf(
      await this.connection.execute(sql`SELECT claim_id FROM ${handlerRun} WHERE ${held}`, 'urgent'),
      'claim_id',
    );
  }

  /**
   * Writes outcomes in one transaction, and makes the deliveries due: of which all runs have ended, now; of which one
   * failed, for its next attempt. Returns how many outcomes were written: those whose claim the run had no more are not.
   */
  async finish(outcomes: readonly RunSettlement[], now: number): Promise<number> {
    const { isOneOf } = this.connection.dialect;
    const ids = [...new Set(outcomes.map(({ claim }) => claim.deliveryId))];
    const written = outcomes.filter(({ isCommitted }) => !isCommitted);
    const completed = written.filter(({ run }) => run.state === 'completed').map(({ claim }) => claim);
    const others = written.filter(({ run }) => run.state !== 'completed');
    const completion = raw(`state = 'completed', attempts = attempts + 1, next_attempt_at = NULL, last_error = NULL`);
    const results = await this.connection.transactionOf([
      () =>
        sql`SELECT delivery_id FROM ${this.tables.deliveryState} WHERE ${isOneOf('delivery_id', ids)} ORDER BY delivery_id FOR UPDATE`,
      () => (completed.length === 0 ? undefined : this.endStatement(completed, completion, now)),
      ...others.map(({ claim, run }) => () => {
        const { state, attempts, nextAttemptAt, lastError } = run;
        const change = sql`state = ${state}, attempts = ${attempts}, next_attempt_at = ${nextAttemptAt}, last_error = ${lastError}`;
        return this.endStatement([claim], change, now);
      }),
      () => this.dueByStatement(new Map(others.flatMap(({ run }) => retryOf(run)))),
      ...this.afterPass(() => ids, undefined, now),
      ...this.attempts.keepingSteps(attemptsOf(outcomes), ([, ...updates]) => {
        const isWritten = [completed.length, ...others.map(() => 1)].map((due, at) => updates[at]?.affected === due);
        return attemptsOf(outcomes.filter((outcome) => outcome.isCommitted || isWritten[others.indexOf(outcome) + 1]));
      }),
    ]);
    const affected = results.slice(1, 2 + others.length).map((result) => result.affected);
    return affected.reduce((sum, one) => sum + one, outcomes.length - written.length);
  }

  /** Makes deliveries due at these times, unless they are sooner. */
  async makeDueBy(times: ReadonlyMap<string, number>): Promise<void> {
    const statement = this.dueByStatement(times);
    if (statement) await this.connection.execute(this.connection.dialect.withoutWaiting(statement));
  }

  /**
   * Returns the last steps of a transaction that has locked deliveries. They look at the runs once more, because a worker
   * may have ended or failed one meanwhile, and make the deliveries due: now, if all runs have ended; else when the
   * first of them is. A worker closes no delivery: only an instance with all handlers does.
   *
   * @param ids returns the deliveries, from the results of the first step
   * @param enqueued runs that wait in a queue, with the number of claims that they had; undefined: all that are due
   */
  afterPass(
    ids: (first: SqlResult | undefined) => readonly string[],
    enqueued: readonly EnqueuedRun[] | undefined,
    now: number,
  ): StatementStep[] {
    const { isOneOf } = this.connection.dialect;
    const select = sql`SELECT delivery_id, handler, claims, next_attempt_at FROM ${this.tables.handlerRun}`;
    return [
      // By itself: MySQL would lock what an update looks at, and a transaction of a handler may have it for long.
      ([first]) =>
        ids(first).length === 0
          ? undefined
          : sql`${select} WHERE ${isOneOf('delivery_id', ids(first))} AND state = 'pending'`,
      (results) => this.dueByStatement(dueTimes(ids(results[0]), results.at(-1), enqueued, now)),
    ];
  }

  /**
   * Makes deliveries due that wait while a run of theirs is due: a queue was to run it, and has lost it, or did not
   * answer. Returns how many.
   */
  async recover(now: number): Promise<number> {
    const { deliveryState, handlerRun } = this.tables;
    const isDue = sql`EXISTS (SELECT 1 FROM ${handlerRun} r WHERE r.delivery_id = s.delivery_id AND r.state = 'pending'
      AND (r.next_attempt_at IS NULL OR r.next_attempt_at <= ${now}))`;
    const waiting = sql`SELECT s.delivery_id FROM ${deliveryState} s WHERE s.state = 'pending' AND s.next_attempt_at > ${now} AND ${isDue}
      ORDER BY s.next_attempt_at LIMIT ${raw(String(MAX_DUE_ROWS))}`;
    for (let count = 0; ;) {
      const ids = [...keysOf(await this.connection.execute(waiting), 'delivery_id')];
      if (ids.length === 0) return count;
      const where = sql`${this.connection.dialect.isOneOf('delivery_id', ids)} AND state = 'pending' AND next_attempt_at > ${now}`;
      const change = { set: sql`next_attempt_at = ${now}`, where, key: 'delivery_id' };
      const { size } = await updateUnlocked(this.connection, deliveryState, change);
      count += size;
      if (ids.length < MAX_DUE_ROWS || size === 0) return count;
    }
  }

  private endStatement(claims: readonly RunClaim[], change: Sql, now: number): Sql {
    return sql`UPDATE ${this.tables.handlerRun} SET ${change}, claim_id = NULL, rescues = 0, updated_at = ${now}
      WHERE ${this.isClaimed(claims)} AND state = 'pending'`;
  }

  private isClaimed(claims: readonly RunClaim[]): Sql {
    const { isOneOf } = this.connection.dialect;
    const ids = [...new Set(claims.map(({ deliveryId }) => deliveryId))];
    const claimIds = claims.map(({ claimId }) => claimId);
    return sql`${isOneOf('delivery_id', ids)} AND ${isOneOf('claim_id', claimIds)}`;
  }

  private dueByStatement(times: ReadonlyMap<string, number>): Sql | undefined {
    if (times.size === 0) return undefined;
    const branches = [...times].map(([id, time]) => sql`WHEN ${id} THEN ${raw(String(Math.ceil(time)))}`);
    const cases = branches.reduce((before, next) => sql`${before} ${next}`);
    return sql`UPDATE ${this.tables.deliveryState} SET next_attempt_at = LEAST(next_attempt_at, CASE delivery_id ${cases} END)
      WHERE ${this.connection.dialect.isOneOf('delivery_id', [...times.keys()])} AND state = 'pending'`;
  }
}
