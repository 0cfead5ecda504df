import { Injectable } from '@nestjs/common';
import { idempotencyKey, sha256 } from './delivery.identity.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { RecentSet } from '../concurrency/recent-set.js';
import { PayloadCodec } from './payload.codec.js';
import type { Rejection } from './rejection.entity.js';
import { isLocked } from '../database/database.errors.js';
import { retryWhileLocked } from '../database/locked.retry.js';
import type { ColumnValues, ExecuteSql } from '../database/dialect/dialect.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import { rejectionReferenceKey, dataSubjectOf, type Subject } from './rejection.subject.js';
import { Tables } from './tables.js';
import { TombstoneRepository } from './tombstone.repository.js';
import { newId } from '../new-id.js';

/** Time for which a row that was locked is taken to be so still. */
const LOCKED_MS = 2_000;

type RejectionColumns = ColumnValues & { readonly fingerprint: string };

export type NewRejection = Pick<Rejection, 'reason' | 'detail' | 'rawBody' | 'tenant' | 'sessionId'>;

@Injectable()
export class RejectionRepository {
  /** Fingerprints of rows that were locked a moment ago. They are only read, so that nobody waits again. */
  private readonly locked = new RecentSet(LOCKED_MS);

  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly codec: PayloadCodec,
    private readonly tombstones: TombstoneRepository,
  ) {}

  /**
   * Saves a rejection, or counts it if the same was saved before. One that had been accepted is open again. One that
   * another transaction has locked stays as it is. Of a session that was erased nothing is saved.
   *
   * @returns the id of the tombstone if its session was erased
   */
  async save(rejection: NewRejection, now: number): Promise<string | undefined> {
    const erased = await this.findTombstone(rejection); // first: it needs no key
    if (erased === undefined) await this.saveUnlessLocked(this.columnsOf(rejection, now));
    return erased;
  }

  /** Finds the tombstone of the session that a body is about. Returns its id. Needs no key. */
  async findTombstone({ tenant, rawBody }: Pick<NewRejection, 'tenant' | 'rawBody'>): Promise<string | undefined> {
    const key = sessionKeyOf(tenant, dataSubjectOf(rawBody));
    return key === null ? undefined : this.tombstones.find(key);
  }

  /** Saves a rejection in a transaction that has locked the delivery of its session. */
  async saveWith(execute: ExecuteSql, rejection: NewRejection, now: number): Promise<void> {
    await execute(this.upsert(this.columnsOf(rejection, now)));
  }

  private async saveUnlessLocked(columns: RejectionColumns): Promise<void> {
    const { fingerprint } = columns;
    const upsert = this.upsert(columns);
    if (this.locked.has(fingerprint) && (await this.exists(fingerprint))) return;
    try {
      await this.write(upsert);
    } catch (error) {
      if (!isLocked(this.connection.dialect, error)) throw error;
      this.locked.add(fingerprint);
      if (!(await this.exists(fingerprint))) throw error;
    }
  }

  /** Tries for a moment, because the same POST may be saved at the same time: each is to be counted. */
  private async write(upsert: Sql): Promise<void> {
    const { dialect } = this.connection;
    await retryWhileLocked(dialect, () => this.connection.execute(dialect.withoutWaiting(upsert), 'receiving'));
  }

  private upsert(columns: RejectionColumns): Sql {
    const { insertInto, onConflict, stored, incoming } = this.connection.dialect;
    const [names, values] = [raw(Object.keys(columns).join(', ')), join(Object.values(columns))];
    return sql`${insertInto(this.tables.rejection)} (${names}) VALUES (${values})
      ${onConflict(
        'fingerprint',
        sql`repeats = ${stored('repeats')} + 1, last_received_at = ${incoming('last_received_at')},
            state = CASE WHEN ${stored('state')} = 'accepted' THEN 'open' ELSE ${stored('state')} END`,
      )}`;
  }

  private async exists(fingerprint: string): Promise<boolean> {
    const found = sql`SELECT id FROM ${this.tables.rejection} WHERE fingerprint = ${fingerprint}`;
    return (await this.connection.execute(found, 'receiving')).records.length > 0;
  }

  private columnsOf({ reason, detail, rawBody, tenant, sessionId }: NewRejection, now: number): RejectionColumns {
    const id = newId();
    const subject = dataSubjectOf(rawBody);
    const reference = subject.externalReferenceId;
    const hash = sha256([reason, tenant, rawBody].join('\0'));
    const keyId = this.codec.currentKeyId(tenant);
    return {
      id,
      fingerprint: keyId === null ? hash : (this.codec.keyedHash(tenant, 'rejection', hash) ?? hash),
      reason,
      detail: this.codec.encode(detail, { column: 'rejection.detail', row: id, tenant }),
      raw_body: this.codec.encode(rawBody, { column: 'rejection.raw_body', row: id, tenant }),
      tenant,
      session_id: sessionId,
      repeats: 0,
      state: 'open',
      first_received_at: now,
      last_received_at: now,
      session_key: sessionKeyOf(tenant, subject),
      reference_key: reference === null ? null : rejectionReferenceKey(this.codec, tenant, reference),
      key_id: keyId,
    };
  }

  /**
   * Changes the state of a rejection. Returns `false` if it is in none of the states `from`.
   *
   * @param recordAction statement that records the action, in the same transaction
   */
  async setState(
    id: string,
    state: 'accepted' | 'discarded',
    from: readonly Rejection['state'][],
    recordAction: Sql,
  ): Promise<boolean> {
    return this.connection.transaction((execute) => this.setStateWith(execute, id, state, from, recordAction));
  }

  /** Changes the state of a rejection in a transaction. */
  async setStateWith(
    execute: ExecuteSql,
    id: string,
    state: 'accepted' | 'discarded',
    from: readonly Rejection['state'][],
    recordAction: Sql,
  ): Promise<boolean> {
    const { affected } = await execute(
      sql`UPDATE ${this.tables.rejection} SET state = ${state} WHERE id = ${id} AND state IN (${join(from)})`,
    );
    if (affected === 1) await execute(recordAction);
    return affected === 1;
  }

  async delete(id: string): Promise<void> {
    await this.connection.execute(sql`DELETE FROM ${this.tables.rejection} WHERE id = ${id}`);
  }
}

function sessionKeyOf(tenant: string, { sessionId }: Subject): string | null {
  return sessionId === null ? null : idempotencyKey(tenant, sessionId);
}
