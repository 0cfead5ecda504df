import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { DatabaseConnection, type StatementStep } from '../database/database.connection.js';
import type { Lane } from '../database/lanes.js';
import { isLocked } from '../database/database.errors.js';
import type { ExecuteSql } from '../database/dialect/dialect.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import { updateUnlocked } from '../database/unlocked.update.js';
import { ClaimRepository, NO_LEASE } from './claim.repository.js';
import { contentColumns } from './content.columns.js';
import type { DeathReason, DeliveryState } from './delivery-state.entity.js';
import type { ClaimKey, NewDelivery } from './claimed-delivery.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { PayloadCodec, type OpenedText } from './payload.codec.js';
import { Tables } from './tables.js';

/** Reason why a delivery was not changed. */
export type UnchangedReason = 'busy' | 'completed' | 'purged' | 'erased' | 'unknown';

/** How a delivery is replayed. */
export interface Replay {
  /** The ones to run even if they have completed; without them, completed handlers do not run again. */
  readonly handlers: readonly string[] | undefined;
  /** State in which it must be; without it, any that can be replayed. */
  readonly only?: DeliveryState | undefined;
  /** W3C `traceparent` of the operator. */
  readonly traceContext: string | null;
}

/** States in which a delivery can be made due again. */
export const REPLAYABLE_STATES = ['pending', 'dead', 'unhandled', 'discarded'] as const;
/** States in which named handlers can run again. */
export const REPLAYABLE_BY_NAME_STATES = [...REPLAYABLE_STATES, 'completed'] as const;
/** States from which an operator can discard a delivery. */
export const DISCARDABLE_STATES = ['pending', 'dead', 'unhandled'] as const;

/** Changes the states of deliveries. Each change is one guarded update that reports whether it applied. */
@Injectable()
export class DeliveryStateRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly claims: ClaimRepository,
    private readonly runs: HandlerRunRepository,
    private readonly clock: Clock,
    private readonly codec: PayloadCodec,
  ) {}

  /**
   * Ends the processing of several deliveries.
   *
   * @returns how many were ended, and the ids of those that another transaction has locked; this worker no longer held
   *   the others
   */
  complete(
    claims: readonly ClaimKey[],
    state: DeliveryState & ('completed' | 'unhandled'),
    now: number,
  ): Promise<{ written: number; locked: Set<string> }> {
    return this.claims.endClaimed(claims, sql`state = ${state}, finished_at = ${now}, rescues = 0, ${NO_LEASE}`);
  }

  /**
   * Ends the attempt of a delivery that could not be opened. No handler has run. Resolves to `false` if another claim
   * has it.
   *
   * @param outcome when it is tried again, and whether that counts as a dispatch; or `'dead'`
   */
  async settleUnreadable(
    claim: ClaimKey,
    outcome: { nextAttemptAt: number; countsDispatch: boolean } | 'dead',
    now: number,
  ): Promise<boolean> {
    const reason: DeathReason = 'unreadable';
    const change =
      outcome === 'dead'
        ? sql`state = 'dead', finished_at = ${now}, reason = ${reason}`
        : sql`state = 'pending', next_attempt_at = ${outcome.nextAttemptAt}, dispatches = dispatches - ${outcome.countsDispatch ? 0 : 1}`;
    return (await this.claims.endClaimed([claim], sql`${change}, rescues = 0, ${NO_LEASE}`)).written === 1;
  }

  /**
   * Makes a delivery due again.
   *
   * @param recordAction recorded with it
   */
  async replay(id: string, recordAction: Sql, how: Replay): Promise<'replayed' | UnchangedReason> {
    const { handlers, only, traceContext } = how;
    const now = this.clock.now();
    const { isOneOf } = this.connection.dialect;
    const from = only ? [only] : handlers ? REPLAYABLE_BY_NAME_STATES : REPLAYABLE_STATES;
    const isReplayed = await this.unlessLocked([
      () =>
        sql`UPDATE ${this.tables.deliveryState} SET ${replayedAt(now, traceContext)}
            WHERE delivery_id = ${id} AND ${isOneOf('state', from)} AND purged_at IS NULL AND ${this.runs.isFree(now)}`,
      ([update]) => {
        if (update?.affected !== 1) return undefined;
        return handlers ? this.runs.restartStatement([id], handlers, now) : this.runs.resetStatement([id], now);
      },
      ([update]) => (update?.affected === 1 ? recordAction : undefined),
    ]);
    if (isReplayed) return 'replayed';
    const reason = await this.explainRefusal(id);
    // It could be replayed, and so it is locked.
    return reason === 'discarded' || (handlers && reason === 'completed') ? 'busy' : reason;
  }

  /**
   * Discards a delivery. One that is discarded already is left as it is.
   *
   * @param recordAction recorded with it
   * @param only the state in which it must be; without it, any that can be discarded
   */
  async discard(
    id: string,
    recordAction: Sql,
    only?: DeliveryState,
  ): Promise<'discarded' | 'already-discarded' | UnchangedReason> {
    const from = only ? [only] : DISCARDABLE_STATES;
    const now = this.clock.now();
    const isOpen = sql`${this.connection.dialect.isOneOf('state', from)} AND purged_at IS NULL`;
    const isDiscarded = await this.unlessLocked([
      () =>
        sql`UPDATE ${this.tables.deliveryState} SET ${discardedAt(now)}
            WHERE delivery_id = ${id} AND ${isOpen} AND ${this.runs.isFree(now)}`,
      ([update]) => (update?.affected === 1 ? recordAction : undefined),
    ]);
    if (isDiscarded) return 'discarded';
    const reason = await this.explainRefusal(id);
    return reason === 'discarded' ? (only ? 'busy' : 'already-discarded') : reason;
  }

  /**
   * Replaces the content of the delivery of a session, which is then processed from the beginning. Returns what it
   * replaced; nothing is replaced that does not open. Returns `undefined` if a worker is processing it, or another
   * operator changes it.
   */
  async supersede(execute: ExecuteSql, delivery: NewDelivery): Promise<{ id: string; before: OpenedText } | undefined> {
    const { tenant, status, platformId } = delivery;
    const { isOneOf, skipLocked } = this.connection.dialect;
    // Locks the state, so that no worker claims it meanwhile.
    const locked = await execute(
      sql`SELECT s.delivery_id FROM ${this.tables.deliveryState} s
          WHERE s.delivery_id = (SELECT id FROM ${this.tables.delivery} WHERE idempotency_key = ${delivery.idempotencyKey})
            AND ${isOneOf('s.state', REPLAYABLE_BY_NAME_STATES)} AND s.purged_at IS NULL
            AND ${this.runs.isFree(this.clock.now(), 's')} ${skipLocked}`,
    );
    if (!locked.records[0]) return undefined;
    const id = String(locked.records[0].delivery_id);
    const { records } = await execute(sql`SELECT raw_body FROM ${this.tables.delivery} WHERE id = ${id}`);
    const place = { column: 'delivery.raw_body', row: id, tenant } as const;
    const before = await this.codec.decode(String(records[0]?.raw_body), place);
    if (before.contents !== 'readable') return { id, before };
    const columns = { status, platform_id: platformId, ...contentColumns(this.codec, { ...delivery, id }) };
    const assignments = Object.entries(columns).map(([column, value]) => sql`${raw(column)} = ${value}`);
    await execute(sql`UPDATE ${this.tables.delivery} SET ${join(assignments)} WHERE id = ${id}`);
    await execute(
      sql`UPDATE ${this.tables.deliveryState} SET only_named_handlers = 0, expected_handlers = NULL, replay_trace_context = NULL, ${pending(this.clock.now())} WHERE delivery_id = ${id}`,
    );
    return { id, before };
  }

  /** Tells whether the contents of the delivery of a session were removed. */
  async isPurged(idempotencyKey: string): Promise<boolean> {
    const { records } = await this.connection.execute(
      sql`SELECT purged_at FROM ${this.tables.deliveryState}
          WHERE delivery_id = (SELECT id FROM ${this.tables.delivery} WHERE idempotency_key = ${idempotencyKey})`,
    );
    return records[0] !== undefined && records[0].purged_at !== null;
  }

  /** Counts the same number of duplicates of each delivery. Returns the ids of those that nobody has locked. */
  countDuplicates(ids: readonly string[], { count, lastAt }: { count: number; lastAt: number }): Promise<Set<string>> {
    const change = {
      // Of a repetition of what is erased, nothing is kept but the number.
      set: sql`duplicates = duplicates + ${count}, last_duplicate_at = CASE WHEN state = 'erased' THEN last_duplicate_at ELSE ${lastAt} END`,
      where: this.connection.dialect.isOneOf('delivery_id', ids),
    };
    return this.update(change, 'receiving');
  }

  private update(change: { set: Sql; where: Sql }, lane?: Lane): Promise<Set<string>> {
    return updateUnlocked(this.connection, this.tables.deliveryState, { ...change, key: 'delivery_id' }, lane);
  }

  /**
   * Runs a transaction. Resolves to whether its first statement has changed a row. False if one that it needs is
   * locked.
   */
  private async unlessLocked(steps: readonly StatementStep[]): Promise<boolean> {
    try {
      const [first] = await this.connection.transactionOf(steps);
      return first?.affected === 1;
    } catch (error) {
      if (isLocked(this.connection.dialect, error)) return false;
      throw error;
    }
  }

  private async explainRefusal(id: string): Promise<UnchangedReason | 'discarded'> {
    const { records } = await this.connection.execute(
      sql`SELECT state, purged_at FROM ${this.tables.deliveryState} WHERE delivery_id = ${id}`,
    );
    if (!records[0]) return 'unknown';
    if (records[0].state === 'erased') return 'erased';
    if (records[0].purged_at !== null) return 'purged';
    return records[0].state === 'completed' || records[0].state === 'discarded' ? records[0].state : 'busy';
  }
}

/**
 * Returns the assignments that make deliveries due again.
 *
 * @param traceContext that of the operator
 */
export function replayedAt(now: number, traceContext: string | null): Sql {
  // `only_named_handlers` first: MySQL assigns from left to right, and it asks for the state before.
  return sql`only_named_handlers = CASE WHEN state = 'completed' THEN 1 ELSE only_named_handlers END,
    replay_trace_context = ${traceContext}, ${pending(now)}`;
}

/** Returns the assignments that end deliveries which need no processing. */
export function discardedAt(now: number): Sql {
  return sql`state = 'discarded', reason = NULL, next_attempt_at = NULL, finished_at = ${now}`;
}

function pending(now: number): Sql {
  return sql`state = 'pending', next_attempt_at = ${now}, finished_at = NULL, reason = NULL, rescues = 0, replays = replays + 1`;
}
