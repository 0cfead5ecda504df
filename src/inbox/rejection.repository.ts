import { Injectable } from '@nestjs/common';
import { uuidv7 } from 'uuidv7';
import { sha256 } from './delivery.identity.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { PayloadCodec } from './payload.codec.js';
import type { Rejection } from './rejection.entity.js';
import type { ExecuteSql } from '../database/dialect/dialect.js';
import { join, raw, sql } from '../database/sql.js';
import { Tables } from './tables.js';

export type NewRejection = Pick<Rejection, 'reason' | 'detail' | 'rawBody' | 'tenant' | 'sessionId'>;

@Injectable()
export class RejectionRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly codec: PayloadCodec,
  ) {}

  /** Saves a rejection, or counts it if the same was saved before. One that had been accepted is open again. */
  async save(
    rejection: NewRejection,
    now: number,
    execute: ExecuteSql = (statement) => this.connection.execute(statement),
  ): Promise<void> {
    const { dialect } = this.connection;
    await execute(
      sql`${dialect.insertInto(this.tables.rejection)}
          (${raw('id, fingerprint, reason, detail, raw_body, tenant, session_id, repeats, state, first_received_at, last_received_at')})
          VALUES (${join(this.columnsOf(rejection, now))})
          ${dialect.onConflict(
            'fingerprint',
            sql`repeats = ${dialect.stored('repeats')} + 1, last_received_at = ${dialect.incoming('last_received_at')},
                state = CASE WHEN ${dialect.stored('state')} = 'accepted' THEN 'open' ELSE ${dialect.stored('state')} END`,
          )}`,
    );
  }

  private columnsOf({ reason, detail, rawBody, tenant, sessionId }: NewRejection, now: number): unknown[] {
    const id = uuidv7();
    const stored = this.codec.encode(rawBody, { column: 'rejection.raw_body', row: id, tenant });
    const fingerprint = sha256([reason, tenant, rawBody].join('\0'));
    return [id, fingerprint, reason, detail, stored, tenant, sessionId, 0, 'open', now, now];
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
