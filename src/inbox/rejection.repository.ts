import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { sha256 } from './delivery.identity.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { RecentSet } from '../concurrency/recent-set.js';
import { PayloadCodec } from './payload.codec.js';
import type { Rejection } from './rejection.entity.js';
import { isLocked } from '../database/database.errors.js';
import type { ExecuteSql } from '../database/dialect/dialect.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import { Tables } from './tables.js';

/** Time for which a row that was locked is taken to be so still. */
const LOCKED_MS = 2_000;
/** Time for which a row that is locked is tried. */
const LOCKED_TIMEOUT_MS = 150;
const LOCKED_DELAY_MS = 10;

export type NewRejection = Pick<Rejection, 'reason' | 'detail' | 'rawBody' | 'tenant' | 'sessionId'>;

@Injectable()
export class RejectionRepository {
  /** Fingerprints of rows that were locked a moment ago. They are only read, so that nobody waits again. */
  private readonly locked = new RecentSet(LOCKED_MS);

  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly codec: PayloadCodec,
  ) {}

  /**
   * Saves a rejection, or counts it if the same was saved before. One that had been accepted is open again. One that
   * another transaction has locked stays as it is.
   */
  async save(rejection: NewRejection, now: number, execute?: ExecuteSql): Promise<void> {
    const columns = this.columnsOf(rejection, now);
    const upsert = this.upsert(Object.keys(columns), Object.values(columns));
    if (execute) return void (await execute(upsert));
    const { fingerprint } = columns;
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
    const giveUpAt = performance.now() + LOCKED_TIMEOUT_MS;
    for (;;) {
      try {
        await this.connection.execute(dialect.withoutWaiting(upsert), 'receiving');
        return;
      } catch (error) {
        if (!isLocked(dialect, error) || performance.now() > giveUpAt) throw error;
        await sleep(LOCKED_DELAY_MS);
      }
    }
  }

  private upsert(columns: readonly string[], values: readonly unknown[]): Sql {
    const { insertInto, onConflict, stored, incoming } = this.connection.dialect;
    return sql`${insertInto(this.tables.rejection)} (${raw(columns.join(', '))}) VALUES (${join(values)})
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

  private columnsOf({ reason, detail, rawBody, tenant, sessionId }: NewRejection, now: number) {
    const id = uuidv7();
    const hash = sha256([reason, tenant, rawBody].join('\0'));
    const keyId = this.codec.currentKeyId(tenant);
    return {
      id,
      fingerprint: keyId === null ? hash : (this.codec.lookup(tenant, 'rejection', hash) ?? hash),
      reason,
      detail: this.codec.encode(detail, { column: 'rejection.detail', row: id, tenant }),
      raw_body: this.codec.encode(rawBody, { column: 'rejection.raw_body', row: id, tenant }),
      tenant,
      session_id: sessionId,
      repeats: 0,
      state: 'open',
      first_received_at: now,
      last_received_at: now,
      key_id: keyId,
    };
  }

  /** Changes the state of a rejection. Returns `false` if it is in none of the states `from`. */
  async decide(
    id: string,
    state: 'accepted' | 'discarded',
    from: readonly Rejection['state'][] = ['open', 'discarded'],
    execute: ExecuteSql = (statement) => this.connection.execute(statement),
  ): Promise<boolean> {
    const { affected } = await execute(
      sql`UPDATE ${this.tables.rejection} SET state = ${state} WHERE id = ${id} AND state IN (${join(from)})`,
    );
    return affected === 1;
  }
}
