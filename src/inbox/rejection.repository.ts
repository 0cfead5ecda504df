import { Injectable } from '@nestjs/common';
import { uuidv7 } from 'uuidv7';
import { sha256 } from './identity.js';
import { InboxConnection } from './inbox.connection.js';
import type { Rejection } from './rejection.entity.js';
import type { RunSql } from './dialect/dialect.js';
import { list, raw, sql } from './sql.js';
import type { Tables } from './tables.js';

export type NewRejection = Pick<Rejection, 'reason' | 'detail' | 'body' | 'tenant' | 'sessionId'>;

@Injectable()
export class RejectionRepository {
  private readonly tables: Tables;

  constructor(private readonly connection: InboxConnection) {
    this.tables = connection.tables;
  }

  /** Keeps it, or counts it when the same was kept before; it is open again when it had been accepted meanwhile. */
  async keep(
    rejection: NewRejection,
    now: number,
    run: RunSql = (statement) => this.connection.run(statement),
  ): Promise<void> {
    const { reason, detail, body, tenant, sessionId } = rejection;
    const { dialect } = this.connection;
    const row = [
      uuidv7(),
      sha256([reason, tenant, body].join('\0')),
      reason,
      detail,
      body,
      tenant,
      sessionId,
      0,
      'open',
      now,
      now,
    ];
    await run(
      sql`${dialect.insertInto(this.tables.rejection)}
          (${raw('id, fingerprint, reason, detail, body, tenant, session_id, repeats, state, first_received_at, last_received_at')})
          VALUES (${list(row)})
          ${dialect.onConflict(
            'fingerprint',
            sql`repeats = ${dialect.stored('repeats')} + 1, last_received_at = ${dialect.incoming('last_received_at')},
                state = CASE WHEN ${dialect.stored('state')} = 'accepted' THEN 'open' ELSE ${dialect.stored('state')} END`,
          )}`,
    );
  }

  /** `false`: it is not in any of these states. */
  async decide(
    id: string,
    state: 'accepted' | 'discarded',
    from: readonly Rejection['state'][] = ['open', 'discarded'],
    run: RunSql = (statement) => this.connection.run(statement),
  ): Promise<boolean> {
    const { affected } = await run(
      sql`UPDATE ${this.tables.rejection} SET state = ${state} WHERE id = ${id} AND state IN (${list(from)})`,
    );
    return affected === 1;
  }
}
