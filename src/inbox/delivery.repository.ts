import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { RecentSet } from '../concurrency/recent-set.js';
import { isLocked } from '../database/database.errors.js';
import { retryWhileLocked } from '../database/locked.retry.js';
import type { ColumnValues, Dialect, SqlResult } from '../database/dialect/dialect.js';
import { raw, sql, type Sql } from '../database/sql.js';
import { keysOf } from '../database/unlocked.update.js';
import { contentColumns, hasFingerprint } from './content.columns.js';
import { DuplicateCounter, type Duplicates } from './duplicate.counter.js';
import { columnsOf, firstStates, type NewDeliveryRow } from './first-state.queries.js';
import { PayloadCodec } from './payload.codec.js';
import { Tables } from './tables.js';
import { NO_FINGERPRINT } from './tombstone.repository.js';
import type { Recording } from './verdict.js';

interface StoredDelivery {
  readonly id: string;
  readonly fingerprint: string;
}

/** Deliveries as they are stored, by their idempotency key. */
type StoredDeliveries = ReadonlyMap<string, StoredDelivery>;

/** Time for which a session is not tried again that another transaction was inserting. */
const BLOCKED_MS = 1_000;

/** Records deliveries, each once. */
@Injectable()
export class DeliveryRepository {
  private readonly blocked = new RecentSet(BLOCKED_MS);

  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly codec: PayloadCodec,
    private readonly duplicates: DuplicateCounter,
  ) {}

  /**
   * Records a batch in one statement and one commit. Returns what became of each, in the order of the batch. `locked`:
   * another transaction is inserting the session, so that it is not known what becomes of it.
   *
   * @param batch must not hold a key twice
   */
  async record(batch: readonly NewDeliveryRow[]): Promise<(Recording | 'locked')[]> {
    // In the order of the unique index: two concurrent flushes would deadlock otherwise.
    const sorted = batch.toSorted((a, b) => (a.delivery.idempotencyKey < b.delivery.idempotencyKey ? -1 : 1));
    const stored = await this.insertWithoutWaiting(sorted);
    const repeated = new Map<string, Duplicates>();
    const recordings = batch.map(({ delivery, duplicates }): Recording | 'locked' => {
      const row = stored.get(delivery.idempotencyKey);
      if (!row) return 'locked';
      const { id: deliveryId } = row;
      if (deliveryId === delivery.id) return { verdict: 'accepted', deliveryId };
      const isErased = row.fingerprint === NO_FINGERPRINT;
      if (!isErased && !hasFingerprint(this.codec, row.fingerprint, delivery))
        return { verdict: 'conflict', deliveryId };
      repeated.set(deliveryId, { count: duplicates + 1, lastAt: delivery.receivedAt });
      return { verdict: isErased ? 'erased' : 'duplicate', deliveryId };
    });
    if (repeated.size > 0) await this.duplicates.count(repeated);
    return recordings;
  }

  /** Inserts what is new, and reads the others. What is locked is tried for a moment. */
  private async insertWithoutWaiting(batch: readonly NewDeliveryRow[]): Promise<StoredDeliveries> {
    if (batch.some(({ delivery }) => this.blocked.has(delivery.idempotencyKey)))
      return this.recordWithoutBlocked(batch);
    const { dialect } = this.connection;
    try {
      return await retryWhileLocked(dialect, () => this.insertOrRead(batch));
    } catch (error) {
      if (!isLocked(dialect, error)) throw error;
      return this.recordAroundLocks(batch);
    }
  }

  /** Records a batch without the sessions that were blocked a moment ago. */
  private async recordWithoutBlocked(batch: readonly NewDeliveryRow[]): Promise<StoredDeliveries> {
    const free = batch.filter(({ delivery }) => !this.blocked.has(delivery.idempotencyKey));
    return free.length > 0 ? this.insertWithoutWaiting(free) : new Map();
  }

  /**
   * Records a batch in which another transaction has locked a row. Rows that exist are only read, so that nobody waits
   * for the lock. The others are inserted one by one: the one that another transaction is inserting fails alone.
   *
   * @throws the error of a lock if the whole table is locked
   */
  private async recordAroundLocks(batch: readonly NewDeliveryRow[]): Promise<StoredDeliveries> {
    const stored = new Map(await this.read(batch));
    for (const row of batch.filter(({ delivery }) => !stored.has(delivery.idempotencyKey))) {
      const known = (await this.insertUnlessLocked(row)) ?? (await this.insertAgain(row));
      if (known) for (const [key, one] of known) stored.set(key, one);
      else this.blocked.add(row.delivery.idempotencyKey);
    }
    return stored;
  }

  private async insertAgain(row: NewDeliveryRow): Promise<StoredDeliveries | undefined> {
    const { delivery, deliveryState } = this.tables;
    // Fails if it is a table that is locked, not a row. If that has just ended, so has the wait for the row.
    await this.connection.execute(sql`UPDATE ${delivery} SET tenant = tenant WHERE 1 = 0`, 'receiving');
    await this.connection.execute(sql`UPDATE ${deliveryState} SET state = state WHERE 1 = 0`, 'receiving');
    return this.insertUnlessLocked(row);
  }

  private async insertUnlessLocked(row: NewDeliveryRow): Promise<StoredDeliveries | undefined> {
    try {
      return await this.insertOrRead([row]);
    } catch (error) {
      if (isLocked(this.connection.dialect, error)) return undefined;
      throw error;
    }
  }

  private async insertOrRead(batch: readonly NewDeliveryRow[]): Promise<StoredDeliveries> {
    const inserted = await this.insert(batch);
    const [ours, others] = [new Map<string, StoredDelivery>(), [] as NewDeliveryRow[]];
    for (const row of batch) {
      const { id, idempotencyKey, fingerprint } = row.delivery;
      if (inserted.has(id)) ours.set(idempotencyKey, { id, fingerprint });
      else others.push(row);
    }
    return others.length > 0 ? new Map([...ours, ...(await this.read(others))]) : ours;
  }

  private async read(batch: readonly NewDeliveryRow[]): Promise<StoredDeliveries> {
    const keys = batch.map(({ delivery }) => delivery.idempotencyKey);
    const { records } = await this.connection.execute(
      sql`SELECT id, idempotency_key, fingerprint FROM ${this.tables.delivery}
          WHERE ${this.connection.dialect.isOneOf('idempotency_key', keys)}`,
      'receiving',
    );
    return new Map(
      records.map((row) => [String(row.idempotency_key), { id: String(row.id), fingerprint: String(row.fingerprint) }]),
    );
  }

  /** Inserts deliveries whose session is new, with their states. Returns their ids. */
  private async insert(batch: readonly NewDeliveryRow[]): Promise<Set<string>> {
    const { dialect } = this.connection;
    if (dialect.compound) return this.insertAtOnce(batch, dialect.compound);
    if (!dialect.writesInQueries) return this.insertInSteps(batch);
    const { deliveryState } = this.tables;
    const states = firstStates(
      batch,
      raw('recorded'),
      (all) => sql`${dialect.rows(deliveryState, all)} WHERE delivery_id IN (SELECT id FROM recorded)`,
    );
    const insert = sql`WITH recorded AS (${this.insertFacts(batch)} RETURNING id, received_at)
      ${dialect.insertInto(deliveryState)} ${states} RETURNING delivery_id`;
    return keysOf(await this.connection.execute(insert, 'receiving'), 'delivery_id');
  }

  private async insertAtOnce(
    batch: readonly NewDeliveryRow[],
    compound: NonNullable<Dialect['compound']>,
  ): Promise<Set<string>> {
    const { dialect } = this.connection;
    const { deliveryState } = this.tables;
    const recorded = this.rowsOf(batch);
    const states = firstStates(
      batch,
      recorded,
      (all) => sql`${compound.rows(all)} WHERE delivery_id IN (SELECT id FROM ${recorded})`,
    );
    const insert = compound.run([
      this.insertFacts(batch),
      // A commit whose answer was lost may have inserted them before.
      sql`${dialect.insertInto(deliveryState)} ${states}
        ${dialect.onConflictDoNothing(`${deliveryState.strings.join('')}.delivery_id`)} RETURNING delivery_id`,
    ]);
    return keysOf(await this.connection.execute(insert, 'receiving'), 'delivery_id');
  }

  private async insertInSteps(batch: readonly NewDeliveryRow[]): Promise<Set<string>> {
    const { dialect } = this.connection;
    const { deliveryState } = this.tables;
    const facts = dialect.withoutWaiting(
      sql`${this.insertFacts(batch)} ${raw(dialect.insertReturns ? 'RETURNING id' : '')}`,
    );
    const answers = await this.connection.transactionOf(
      [
        () => facts,
        () => (dialect.insertReturns ? undefined : sql`SELECT id FROM ${this.rowsOf(batch)}`),
        (results) => {
          const stored = storedIds(results);
          const inserted = batch.filter(({ delivery }) => stored.has(delivery.id));
          if (inserted.length === 0) return undefined;
          const states = firstStates(inserted, this.rowsOf(inserted), (all) => dialect.rows(deliveryState, all));
          // A commit whose answer was lost may have inserted them before.
          return sql`${dialect.insertInto(deliveryState)} ${states} ${dialect.onConflictDoNothing('delivery_id')}`;
        },
      ],
      'receiving',
    );
    const stored = storedIds(answers);
    return new Set(batch.map(({ delivery }) => delivery.id).filter((id) => stored.has(id)));
  }

  private insertFacts(batch: readonly NewDeliveryRow[]): Sql {
    const { dialect } = this.connection;
    const { delivery } = this.tables;
    const isTraced = batch.some(({ delivery: { traceContext } }) => traceContext !== null);
    const facts = batch.map((row) => this.toFacts(row, isTraced));
    return sql`${dialect.insertInto(delivery)} (${columnsOf(facts)}) ${dialect.rows(delivery, facts)}
      ${dialect.onConflictDoNothing('idempotency_key')}`;
  }

  /** Returns the table of deliveries with the condition that it is one of these. */
  private rowsOf(batch: readonly NewDeliveryRow[]): Sql {
    const ids = batch.map(({ delivery }) => delivery.id);
    return sql`${this.tables.delivery} WHERE ${this.connection.dialect.isOneOf('id', ids)}`;
  }

  /** The rows of a batch have the same columns. */
  private toFacts({ delivery }: NewDeliveryRow, isTraced: boolean): ColumnValues {
    const { rawBody, fingerprint, externalReferenceId } = delivery;
    return {
      id: delivery.id,
      idempotency_key: delivery.idempotencyKey,
      tenant: delivery.tenant,
      session_id: delivery.sessionId,
      status: delivery.status,
      platform_id: delivery.platformId,
      ...(this.codec.isKeyed
        ? contentColumns(this.codec, delivery)
        : { external_reference_id: externalReferenceId, raw_body: rawBody, fingerprint }),
      received_at: delivery.receivedAt,
      ...(isTraced && { trace_context: delivery.traceContext }),
    };
  }
}

/** Returns the ids that an insert returned, or the query after it. */
function storedIds([inserted, read]: readonly SqlResult[]): Set<string> {
  return new Set([...keysOf(inserted, 'id'), ...keysOf(read, 'id')]);
}
