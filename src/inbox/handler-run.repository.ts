import { Injectable } from '@nestjs/common';
import type { HandlerRun } from './handler-run.entity.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { isLocked, isTransient, isUnavailable } from '../database/database.errors.js';
import type { Dialect, ExecuteSql } from '../database/dialect/dialect.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import { isRun, RUN_COLUMNS as COLUMNS, toHandlerRun, type RunKey } from './handler-run.queries.js';
import { Tables } from './tables.js';

type Locks = NonNullable<Dialect['locks']>;

/** Savepoint that is there as long as the transaction is the same. */
const MARK = 'cr3dentials_webhook_run';

/** Why a run was not locked. */
type NotLocked = 'completed' | 'locked';

/** A run of a delivery that was claimed. */
export interface RunToLock extends RunKey {
  /**
   * Number of replays of the delivery when it was claimed. It is another once an operator has replayed it or replaced
   * its content, which takes that this worker has lost the lease.
   */
  readonly replays: number;
  /** Claim of the run, if a worker of a queue has it: the transaction begins only while the row has it. */
  readonly claimId?: string | undefined;
}

/** A run whose row the transaction of its handler has locked. */
export interface LockedRun extends RunToLock {
  /** The transaction. Undefined where a savepoint marks it. */
  readonly transactionId?: string;
}

/** Reads and writes the runs of handlers. */
@Injectable()
export class HandlerRunRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Returns the runs of deliveries, by the id of the delivery. */
  async findByDeliveries(deliveryIds: readonly string[]): Promise<Map<string, HandlerRun[]>> {
    const byDelivery = new Map<string, HandlerRun[]>();
    if (deliveryIds.length === 0) return byDelivery;
    const { records } = await this.connection.execute(
      sql`SELECT ${COLUMNS}, claims FROM ${this.tables.handlerRun} WHERE ${this.connection.dialect.isOneOf('delivery_id', deliveryIds)} ORDER BY handler`,
    );
    for (const run of records.map(toHandlerRun))
      byDelivery.set(run.deliveryId, [...(byDelivery.get(run.deliveryId) ?? []), run]);
    return byDelivery;
  }

  /**
   * Locks the row of a run, in the transaction of the handler's own writes and before them, so that its key keeps every
   * other worker out. Nobody waits for that: the other may have vanished without closing its connection.
   *
   * @returns the run; `'completed'` if the handler must not run; `'locked'` while another worker's transaction has it
   */
  async lock(execute: ExecuteSql, run: RunToLock, now: number): Promise<LockedRun | NotLocked> {
    const { dialect } = this.connection;
    const { locks, transactionId } = dialect;
    try {
      if (!locks || !transactionId) return await this.lockByUniqueKey(execute, run, now);
      return await this.lockByAdvisoryLock(execute, run, now, { locks, transactionId });
    } catch (error) {
      if (isLocked(dialect, error)) return 'locked';
      throw error;
    }
  }

  /** Does not insert where there is a row: that would wait for whoever is changing it. */
  private async lockByAdvisoryLock(
    execute: ExecuteSql,
    run: RunToLock,
    now: number,
    { locks, transactionId }: { locks: Locks; transactionId: Sql },
  ): Promise<LockedRun | NotLocked> {
    const { handlerRun } = this.tables;
    const group = this.lockOf(run.deliveryId);
    const lock = locks.take(`${group}\0${run.handler}`, group);
    const isUnlocked = locks.isUnlocked(handlerRun, isRun(run));
    const returning = sql`RETURNING ${transactionId} AS transaction_id`;
    const updated = await execute(
      sql`UPDATE ${handlerRun} SET updated_at = ${now} WHERE ${isRun(run)} AND state <> 'completed' AND ${isHeld(run)} AND ${lock} AND ${isUnlocked} ${returning}`,
    );
    if (updated.records[0]) return { ...run, transactionId: String(updated.records[0].transaction_id) };
    if (run.claimId) return (await this.stateOf(execute, run)) === 'completed' ? 'completed' : 'locked';
    const isNew = sql`NOT EXISTS (SELECT 1 FROM ${handlerRun} WHERE ${isRun(run)})`;
    const insert = this.insertStatement(run, now, (row) => sql`SELECT ${row} WHERE ${lock} AND ${isNew}`);
    const inserted = await execute(sql`${insert} ${returning}`);
    if (inserted.records[0]) return { ...run, transactionId: String(inserted.records[0].transaction_id) };
    return (await this.stateOf(execute, run)) === 'completed' ? 'completed' : 'locked';
  }

  private async lockByUniqueKey(execute: ExecuteSql, run: RunToLock, now: number): Promise<LockedRun | NotLocked> {
    const { dialect } = this.connection;
    if (!run.claimId)
      await execute(dialect.withoutWaiting(this.insertStatement(run, now, (row) => sql`VALUES (${row})`)));
    const state = await this.stateOf(execute, run, sql`AND ${isHeld(run)} ${dialect.skipLocked}`);
    if (state === undefined || state === 'completed') return state ?? 'locked';
    await execute(raw(`SAVEPOINT ${MARK}`));
    return run;
  }

  private async stateOf(execute: ExecuteSql, run: RunKey, lock = raw('')): Promise<HandlerRun['state'] | undefined> {
    const { records } = await execute(sql`SELECT state FROM ${this.tables.handlerRun} WHERE ${isRun(run)} ${lock}`);
    return records[0]?.state as HandlerRun['state'] | undefined;
  }

  private insertStatement(run: RunKey, now: number, rows: (row: Sql) => Sql): Sql {
    const { dialect } = this.connection;
    return sql`${dialect.insertInto(this.tables.handlerRun)} (${COLUMNS})
      ${rows(join([run.deliveryId, run.handler, 'pending', 0, null, null, now]))}
      ${dialect.onConflictDoNothing('delivery_id, handler')}`;
  }

  /** Returns the statement that saves runs which have not begun, unless they are saved. Undefined if there are none. */
  insertPendingStatement(runs: readonly RunKey[], now: number): Sql | undefined {
    if (runs.length === 0) return undefined;
    const { dialect } = this.connection;
    const rows = runs.map(
      ({ deliveryId, handler }) => sql`(${join([deliveryId, handler, 'pending', 0, null, null, now])})`,
    );
    return dialect.withoutWaiting(
      sql`${dialect.insertInto(this.tables.handlerRun)} (${COLUMNS}) VALUES ${join(rows)}
          ${dialect.onConflictDoNothing('delivery_id, handler')}`,
    );
  }

  /**
   * Marks a run completed, as the last of what its transaction writes.
   *
   * @returns `'ended'` if it has another transaction than the one that has locked it: the handler or the database has
   *   ended that one, with some of the handler's writes. It must not commit then, nor if it is outdated
   */
  async complete(execute: ExecuteSql, run: LockedRun, now: number): Promise<'completed' | 'ended' | 'outdated'> {
    const { transactionId } = run;
    if (transactionId === undefined) {
      if (!(await this.isMarked(execute))) return 'ended';
      if (!(await this.isCurrent(execute, run))) return 'outdated'; // MySQL would lock what an update looks at
    }
    const isSame = sql`AND ${this.connection.dialect.transactionId} = ${transactionId} AND EXISTS (${this.current(run)})`;
    const { affected } = await execute(
      sql`UPDATE ${this.tables.handlerRun} SET state = 'completed', next_attempt_at = NULL, claim_id = NULL, updated_at = ${now}
          WHERE ${isRun(run)} AND state <> 'completed' ${transactionId === undefined ? raw('') : isSame}`,
    );
    if (affected === 1) return 'completed';
    return (await this.isCurrent(execute, run)) ? 'ended' : 'outdated';
  }

  /** Nobody replaces the content behind the lock of the run. SQLite, which keeps no lock, looks again at the commit. */
  private async isCurrent(execute: ExecuteSql, run: LockedRun): Promise<boolean> {
    return (await execute(this.current(run))).records.length === 1;
  }

  private current({ deliveryId, replays }: LockedRun): Sql {
    return sql`SELECT 1 AS found FROM ${this.tables.deliveryState} WHERE delivery_id = ${deliveryId} AND replays = ${replays}`;
  }

  /** The savepoint ends with its transaction, whoever ends it. */
  private async isMarked(execute: ExecuteSql): Promise<boolean> {
    try {
      await execute(raw(`RELEASE SAVEPOINT ${MARK}`));
      return true;
    } catch (error) {
      const { dialect } = this.connection;
      if (error instanceof Cr3dentialsWebhookError || isTransient(dialect, error) || isUnavailable(dialect, error))
        throw error;
      return false;
    }
  }

  /**
   * Returns the condition that no worker of a queue has a run of a delivery.
   *
   * @param state name of the table of states in the statement
   */
  isFree(now: number, state?: string): Sql {
    const { deliveryState, handlerRun } = this.tables;
    const id = sql`${state ? raw(state) : deliveryState}.delivery_id`;
    return sql`NOT EXISTS (SELECT 1 FROM ${handlerRun} q WHERE q.delivery_id = ${id} AND q.state = 'pending'
      AND q.claim_id IS NOT NULL AND q.next_attempt_at > ${now})`;
  }

  /** Returns the statement that makes all runs due that have not completed, with all their attempts. */
  resetStatement(deliveryIds: readonly string[], now: number): Sql {
    return sql`UPDATE ${this.tables.handlerRun} SET state = 'pending', attempts = 0, next_attempt_at = NULL, claim_id = NULL, rescues = 0, updated_at = ${now}
      WHERE ${this.connection.dialect.isOneOf('delivery_id', deliveryIds)} AND state <> 'completed'`;
  }

  /**
   * Returns the statement that makes runs due even if they have completed. Their transactions may then commit once
   * more.
   */
  restartStatement(deliveryIds: readonly string[], handlers: readonly string[], now: number): Sql {
    const { dialect } = this.connection;
    const keys = deliveryIds.flatMap((id) => handlers.map((handler) => [id, handler] as const));
    const rows = keys.map((key) => sql`(${join([...key, 'pending', 0, null, null, now])})`);
    return sql`${dialect.insertInto(this.tables.handlerRun)} (${COLUMNS}) VALUES ${join(rows)}
      ${dialect.onConflict('delivery_id, handler', sql`state = 'pending', attempts = 0, next_attempt_at = NULL, claim_id = NULL, rescues = 0, updated_at = ${now}`)}`;
  }

  /**
   * Deletes the runs of a delivery. Returns false if a transaction of a handler is open that has one: a worker that has
   * lost the delivery may still be about to commit, and nobody sees the row that it has inserted.
   */
  async delete(execute: ExecuteSql, deliveryId: string): Promise<boolean> {
    const { locks } = this.connection.dialect;
    if (locks) {
      const { records } = await execute(sql`SELECT 1 AS taken WHERE ${locks.takeAll(this.lockOf(deliveryId))}`);
      if (records.length === 0) return false;
    }
    await execute(sql`DELETE FROM ${this.tables.handlerRun} WHERE delivery_id = ${deliveryId}`);
    return true;
  }

  /** Returns the name of the lock that all runs of a delivery share. */
  private lockOf(deliveryId: string): string {
    return `${this.tables.namespace}\0${deliveryId}`;
  }

  /**
   * Returns the statement that saves runs. A run that has completed in the meantime stays completed. Undefined if there
   * are none.
   */
  upsertStatement(runs: readonly HandlerRun[]): Sql | undefined {
    if (runs.length === 0) return undefined;
    const { dialect } = this.connection;
    const rows = runs.map(
      (r) => sql`(${join([r.deliveryId, r.handler, r.state, r.attempts, r.nextAttemptAt, r.lastError, r.updatedAt])})`,
    );
    const unlessCompleted = (column: string): Sql =>
      sql`${raw(column)} = CASE WHEN ${dialect.stored('state')} = 'completed' THEN ${dialect.stored(column)} ELSE ${dialect.incoming(column)} END`;
    // The state last: MySQL assigns from left to right, and the others look at it.
    const columns = ['attempts', 'next_attempt_at', 'last_error', 'updated_at', 'state'];
    const changes = join([raw('claim_id = NULL'), ...columns.map(unlessCompleted)]);
    return dialect.withoutWaiting(
      sql`${dialect.insertInto(this.tables.handlerRun)} (${COLUMNS}) VALUES ${join(rows)}
          ${dialect.onConflict('delivery_id, handler', changes)}`,
    );
  }
}

/** Condition that the worker of a queue has its claim still. */
function isHeld({ claimId }: RunToLock): Sql {
  return claimId ? sql`claim_id = ${claimId}` : raw('1 = 1');
}
