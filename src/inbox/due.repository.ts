import { Injectable } from '@nestjs/common';
import type { VerificationStatus } from '../contract/verification-status.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { raw, sql } from '../database/sql.js';
import { ClaimRepository } from './claim.repository.js';
import type { ClaimedDelivery, Lease } from './claimed-delivery.js';
import type { HandlersByStatus } from './handler-set.repository.js';
import { Tables } from './tables.js';

/** A delivery that may be claimed. */
export interface DueDelivery {
  readonly id: string;
  readonly status: VerificationStatus;
}

/** Finds due deliveries without taking them, for a worker that does not claim by age alone. */
@Injectable()
export class DueRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly claims: ClaimRepository,
  ) {}

  /** Returns due deliveries, those that have waited longest first, or those that have become due last. */
  async find(
    now: number,
    handlers: HandlersByStatus,
    from: 'oldest' | 'newest',
    limit: number,
  ): Promise<DueDelivery[]> {
    const { delivery, deliveryState } = this.tables;
    const order = raw(from === 'oldest' ? 'ASC' : 'DESC');
    const due = sql`SELECT s.delivery_id, s.next_attempt_at FROM ${deliveryState} s WHERE ${this.claims.isDue(handlers, now)}
      ORDER BY s.next_attempt_at ${order} LIMIT ${raw(String(limit))}`;
    const { records } = await this.connection.execute(
      sql`SELECT d.id, d.status FROM (${due}) w JOIN ${delivery} d ON d.id = w.delivery_id ORDER BY w.next_attempt_at ${order}`,
    );
    return records.map(({ id, status }) => ({ id: String(id), status: status as VerificationStatus }));
  }

  /** Claims those of these deliveries that are still due. */
  claim(lease: Lease, now: number, ids: readonly string[]): Promise<ClaimedDelivery[]> {
    return this.claims.claimWhere(
      sql`${this.connection.dialect.isOneOf('s.delivery_id', ids)} AND state = 'pending' AND next_attempt_at <= ${now}`,
      sql`state = 'processing', next_attempt_at = NULL`,
      lease,
    );
  }
}
