import { Injectable } from '@nestjs/common';
import { IsNull, LessThan, LessThanOrEqual, Not, type FindOptionsWhere } from 'typeorm';
import { Clock } from '../clock.js';
import { Delivery, type DeliveryState } from './delivery.entity.js';
import type { ExecuteSql } from '../database/dialect/dialect.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { idempotencyKey } from './delivery.identity.js';
import { DatabaseConnection } from '../database/database.connection.js';
import type { NewDelivery } from './delivery.factory.js';
import { Rejection, type RejectionReason, type RejectionState } from './rejection.entity.js';
import { join, sql, type Sql } from '../database/sql.js';
import { Tables } from './tables.js';

const STATES = [
  'pending',
  'processing',
  'completed',
  'dead',
  'unhandled',
  'discarded',
] as const satisfies DeliveryState[];

/** @publicApi */
export interface DeliveryFilter {
  state?: DeliveryState;
  externalReferenceId?: string;
  /** Only those that were received before this delivery. */
  before?: string;
  /** @default 50 */
  limit?: number;
}

/** @publicApi */
export interface RejectionFilter {
  /** @default 'open' */
  state?: RejectionState;
  reason?: RejectionReason;
  /** Only those that were received before this rejection. */
  before?: string;
  /** @default 50 */
  limit?: number;
}

/** @publicApi */
export type InboxStats = Record<DeliveryState, number> & {
  /** Rejections that nobody has decided on. */
  openRejections: number;
  /** Milliseconds that the oldest due delivery has waited; 0 when none is due. */
  oldestDue: number;
  /** POSTs answered 401 by this instance since it started. */
  refused: number;
};

/** What operators read and decide. */
@Injectable()
export class OperatorRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly runs: HandlerRunRepository,
    private readonly clock: Clock,
  ) {}

  find(key: string | { sessionId: string; tenant?: string }): Promise<Delivery | null> {
    const where =
      typeof key === 'string' ? { id: key } : { idempotencyKey: idempotencyKey(key.tenant ?? '', key.sessionId) };
    return this.connection.reader.getRepository(Delivery).findOneBy(where);
  }

  list({ state, externalReferenceId, before, limit = 50 }: DeliveryFilter): Promise<Delivery[]> {
    const where: FindOptionsWhere<Delivery> = {
      ...(state && { state }),
      // True of all in these states, and what their indexes are for.
      ...(state === 'pending' && { nextAttemptAt: Not(IsNull()) }),
      ...(state === 'processing' && { leaseExpiresAt: Not(IsNull()) }),
      ...(externalReferenceId !== undefined && { externalReferenceId }),
      ...(before && { id: LessThan(before) }),
    };
    return this.connection.reader.getRepository(Delivery).find({ where, order: { id: 'DESC' }, take: limit });
  }

  findRejection(id: string): Promise<Rejection | null> {
    return this.connection.reader.getRepository(Rejection).findOneBy({ id });
  }

  listRejections({ state = 'open', reason, before, limit = 50 }: RejectionFilter): Promise<Rejection[]> {
    const where: FindOptionsWhere<Rejection> = {
      state,
      ...(reason && { reason }),
      ...(before && { id: LessThan(before) }),
    };
    return this.connection.reader.getRepository(Rejection).find({ where, order: { id: 'DESC' }, take: limit });
  }

  async stats(): Promise<Omit<InboxStats, 'refused'>> {
    const deliveries = this.connection.reader.getRepository(Delivery);
    const now = this.clock.now();
    const [counts, openRejections, due, expired] = await Promise.all([
      deliveries
        .createQueryBuilder('d')
        .select('d.state', 'state')
        .addSelect('COUNT(*)', 'count')
        .groupBy('d.state')
        .getRawMany<{ state: DeliveryState; count: string | number }>(),
      this.connection.reader.getRepository(Rejection).countBy({ state: 'open' }),
      deliveries.findOne({
        select: { id: true, nextAttemptAt: true },
        where: { nextAttemptAt: LessThanOrEqual(now) },
        order: { nextAttemptAt: 'ASC' },
      }),
      deliveries.findOne({
        select: { id: true, leaseExpiresAt: true },
        where: { leaseExpiresAt: LessThan(now) },
        order: { leaseExpiresAt: 'ASC' },
      }),
    ]);
    const byState = new Map(counts.map(({ state, count }) => [state, Number(count)]));
    const oldest = Math.min(due?.nextAttemptAt ?? now, expired?.leaseExpiresAt ?? now);
    const states = Object.fromEntries(STATES.map((state) => [state, byState.get(state) ?? 0])) as Record<
      DeliveryState,
      number
    >;
    return { ...states, openRejections, oldestDue: now - oldest };
  }

  /** @param handlers the ones to run even if they have completed; without them, what has completed stays so */
  async replay(
    id: string,
    handlers: readonly string[] | undefined,
  ): Promise<'replayed' | 'busy' | 'completed' | 'unknown'> {
    const now = this.clock.now();
    const isReplayed = await this.connection.transaction(async (execute) => {
      // `only_named_handlers` first: MySQL assigns from left to right, and it asks for the state before.
      const { affected } = await execute(
        sql`UPDATE ${this.tables.delivery} SET only_named_handlers = CASE WHEN state = 'completed' THEN 1 ELSE only_named_handlers END, ${pending(now)}
            WHERE id = ${id} AND state NOT IN (${join(handlers ? ['processing'] : ['processing', 'completed'])})`,
      );
      if (affected === 0) return false;
      await (handlers ? this.runs.startOver(execute, id, handlers, now) : this.runs.resetAttempts(execute, id, now));
      return true;
    });
    return isReplayed ? 'replayed' : this.whyNot(id);
  }

  async discard(id: string): Promise<'discarded' | 'busy' | 'completed' | 'unknown'> {
    const { affected } = await this.connection.execute(
      sql`UPDATE ${this.tables.delivery} SET state = 'discarded', next_attempt_at = NULL, finished_at = ${this.clock.now()}
          WHERE id = ${id} AND state NOT IN ('processing', 'completed')`,
    );
    return affected === 1 ? 'discarded' : this.whyNot(id);
  }

  /** Puts other content in a delivery's place, to be processed from the beginning. `false`: a worker has it in hand. */
  async supersede(execute: ExecuteSql, delivery: NewDelivery): Promise<boolean> {
    const { status, platformId, externalReferenceId, rawBody, fingerprint } = delivery;
    const { affected } = await execute(
      sql`UPDATE ${this.tables.delivery} SET status = ${status}, platform_id = ${platformId}, external_reference_id = ${externalReferenceId},
            raw_body = ${rawBody}, fingerprint = ${fingerprint}, only_named_handlers = 0, ${pending(this.clock.now())}
          WHERE idempotency_key = ${delivery.idempotencyKey} AND state <> 'processing'`,
    );
    return affected === 1;
  }

  private async whyNot(id: string): Promise<'busy' | 'completed' | 'unknown'> {
    const delivery = await this.find(id);
    if (!delivery) return 'unknown';
    return delivery.state === 'completed' ? 'completed' : 'busy';
  }
}

function pending(now: number): Sql {
  return sql`state = 'pending', next_attempt_at = ${now}, finished_at = NULL, reason = NULL, rescues = 0, replays = replays + 1`;
}
