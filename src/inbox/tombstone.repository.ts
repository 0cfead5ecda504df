import { Injectable } from '@nestjs/common';
import { DatabaseConnection, type StatementStep } from '../database/database.connection.js';
import type { SqlResult } from '../database/dialect/dialect.js';
import { raw, sql, type Sql } from '../database/sql.js';
import { keysOf } from '../database/unlocked.update.js';
import { AttemptRepository } from './attempt.repository.js';
import { ClaimRepository, NO_LEASE } from './claim.repository.js';
import type { ClaimKey } from './claimed-delivery.js';
import type { DeliveryState } from './delivery-state.entity.js';
import { columnsOf } from './first-state.queries.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { Tables } from './tables.js';
import { newId } from '../new-id.js';

/** Fingerprint of a tombstone. No content has it. */
export const NO_FINGERPRINT = '';

/** Columns of facts that say something of a session, as a tombstone has them. An empty key says that none seals it. */
const NO_FACTS = {
  session_id: '',
  status: '',
  platform_id: 0,
  external_reference_id: null,
  raw_body: '',
  fingerprint: NO_FINGERPRINT,
  reference_key: null,
  key_id: '',
  trace_context: null,
} as const;

const NO_HISTORY = raw(
  'dispatches = 0, rescues = 0, replays = 0, only_named_handlers = 0, next_attempt_at = NULL, last_duplicate_at = NULL, replay_trace_context = NULL',
);

/** A delivery that has been erased, and the state that it was in. */
export interface ErasedDelivery {
  readonly id: string;
  readonly state: DeliveryState;
  /** True if a worker was processing it, or a worker of a queue had a run of it. */
  readonly isInFlight: boolean;
}

export interface ErasingOptions {
  /** True if deliveries are erased that a worker is processing, or has a run of, too. */
  readonly evenInFlight: boolean;
  /** True if the tenant is erased. */
  readonly forgetsTenant: boolean;
}

/** Makes tombstones of deliveries: rows that say that a session was erased, and nothing else. */
@Injectable()
export class TombstoneRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly claims: ClaimRepository,
    private readonly attempts: AttemptRepository,
    private readonly runs: HandlerRunRepository,
  ) {}

  /** Finds the tombstone of a session. Returns its id. */
  async find(idempotencyKey: string): Promise<string | undefined> {
    const { records } = await this.connection.execute(
      sql`SELECT id FROM ${this.tables.delivery} WHERE idempotency_key = ${idempotencyKey} AND fingerprint = ${NO_FINGERPRINT}`,
      'receiving',
    );
    return records[0] && String(records[0].id);
  }

  /** Adds tombstones for sessions that have no delivery, so that none is recorded from now on. */
  async add(idempotencyKeys: readonly string[], tenant: string, now: number): Promise<void> {
    if (idempotencyKeys.length === 0) return;
    const { delivery, deliveryState } = this.tables;
    const { dialect } = this.connection;
    // In the order of the unique index, as deliveries are recorded: two transactions would deadlock otherwise.
    const rows = idempotencyKeys
      .toSorted()
      .map((key) => ({ id: newId(), idempotency_key: key, tenant, ...NO_FACTS, received_at: now }));
    const isAdded = dialect.isOneOf(
      'id',
      rows.map(({ id }) => id),
    );
    await this.connection.transactionOf([
      () => sql`${dialect.insertInto(delivery)} (${columnsOf(rows)}) ${dialect.rows(delivery, rows)}
        ${dialect.onConflictDoNothing('idempotency_key')}`,
      () => sql`${dialect.insertInto(deliveryState)} (delivery_id, state, finished_at, purged_at)
        SELECT id, 'erased', received_at, received_at FROM ${delivery} WHERE ${isAdded}`,
    ]);
  }

  /**
   * Erases deliveries that nobody has locked, in one transaction. Their runs stay. Returns those that it has erased.
   *
   * @param andThen returns one more statement of the transaction
   */
  async erase(
    ids: readonly string[],
    now: number,
    { evenInFlight, forgetsTenant }: ErasingOptions,
    andThen: (erased: readonly ErasedDelivery[]) => Sql | undefined = () => undefined,
  ): Promise<ErasedDelivery[]> {
    const { isOneOf, skipLocked } = this.connection.dialect;
    const { deliveryState } = this.tables;
    const which = sql`${isOneOf('delivery_id', ids)} AND state <> 'erased'`;
    const isFree = evenInFlight ? raw('') : sql`AND state <> 'processing' AND ${this.runs.isFree(now)}`;
    const those =
      (statement: (erased: readonly ErasedDelivery[]) => Sql | undefined): StatementStep =>
      (results) => {
        const erased = toErased(results);
        return erased.length > 0 ? statement(erased) : undefined;
      };
    const results = await this.connection.transactionOf([
      () => sql`SELECT delivery_id, state FROM ${deliveryState} WHERE ${which} ${isFree} ${skipLocked}`,
      // By itself: what only counts is to lock no run.
      () => sql`SELECT delivery_id FROM ${deliveryState} WHERE ${which} AND NOT ${this.runs.isFree(now)}`,
      those((erased) => this.eraseStatesOf(isOneOf('delivery_id', idsOf(erased)), now, null)),
      those((erased) => this.eraseFactsOf(idsOf(erased), forgetsTenant)),
      those((erased) => this.attempts.deleteStatement(idsOf(erased))),
      those(andThen),
    ]);
    return toErased(results);
  }

  /** Erases a delivery whose key was destroyed, unless another claim has it. */
  async eraseShredded(claim: ClaimKey, now: number): Promise<boolean> {
    const { handlerRun } = this.tables;
    const [erased] = await this.connection.transactionOf([
      () => this.eraseStatesOf(this.claims.claimedBy([claim]), now, 'shredded'),
      ([update]) => (update?.affected === 1 ? this.eraseFactsOf([claim.id], false) : undefined),
      ([update]) =>
        update?.affected === 1 ? sql`DELETE FROM ${handlerRun} WHERE delivery_id = ${claim.id}` : undefined,
      ([update]) => (update?.affected === 1 ? this.attempts.deleteStatement([claim.id]) : undefined),
    ]);
    return erased?.affected === 1;
  }

  /** Counts those of the deliveries that are erased. */
  async count(ids: readonly string[]): Promise<number> {
    const { records } = await this.connection.execute(
      sql`SELECT COUNT(*) AS n FROM ${this.tables.deliveryState}
          WHERE ${this.connection.dialect.isOneOf('delivery_id', ids)} AND state = 'erased'`,
    );
    return Number(records[0]?.n);
  }

  private eraseStatesOf(which: Sql, now: number, reason: 'shredded' | null): Sql {
    return sql`UPDATE ${this.tables.deliveryState} SET state = 'erased', reason = ${reason}, ${NO_HISTORY}, ${NO_LEASE},
      finished_at = ${now}, purged_at = ${now} WHERE ${which}`;
  }

  private eraseFactsOf(ids: readonly string[], forgetsTenant: boolean): Sql {
    const columns = { ...NO_FACTS, ...(forgetsTenant && { tenant: '' }) };
    const assignments = Object.entries(columns)
      .map(([column, value]) => sql`${raw(column)} = ${value}`)
      .reduce((all, next) => sql`${all}, ${next}`);
    return sql`UPDATE ${this.tables.delivery} SET ${assignments} WHERE ${this.connection.dialect.isOneOf('id', ids)}`;
  }
}

/** @param results those that were locked, and those of which a worker of a queue has a run */
function toErased([locked, held]: readonly SqlResult[]): ErasedDelivery[] {
  const inQueue = keysOf(held, 'delivery_id');
  return (locked?.records ?? []).map((row) => {
    const [id, state] = [String(row.delivery_id), row.state as DeliveryState];
    return { id, state, isInFlight: state === 'processing' || inQueue.has(id) };
  });
}

function idsOf(erased: readonly ErasedDelivery[]): string[] {
  return erased.map(({ id }) => id);
}
