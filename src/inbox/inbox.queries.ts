import { Injectable } from '@nestjs/common';
import {
  IsNull,
  LessThan,
  LessThanOrEqual,
  Not,
  type EntityTarget,
  type FindOptionsOrder,
  type FindOptionsSelect,
  type FindOptionsWhere,
} from 'typeorm';
import { Clock } from '../clock.js';
import { Delivery, type DeliveryState } from './delivery.entity.js';
import { idempotencyKey } from './delivery.identity.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { PayloadCodec } from './payload.codec.js';
import { Rejection, type RejectionReason, type RejectionState } from './rejection.entity.js';

const STATES = [
  'pending',
  'processing',
  'completed',
  'dead',
  'unhandled',
  'discarded',
] as const satisfies DeliveryState[];

/**
 * Conditions on the deliveries of a list. A delivery must meet all of them.
 *
 * @publicApi
 */
export interface DeliveryFilter {
  /** Only deliveries in this state. @default every state */
  state?: DeliveryState;
  /** Only deliveries with this reference, exactly. */
  externalReferenceId?: string;
  /** Id of a delivery: only those received before it. Pass the last id of a page for the next one. */
  before?: string;
  /** Most deliveries to return. @default 50 */
  limit?: number;
}

/**
 * Conditions on the rejections of a list. A rejection must meet all of them.
 *
 * @publicApi
 */
export interface RejectionFilter {
  /** Only rejections in this state. @default 'open' */
  state?: RejectionState;
  /** Only rejections for this reason. @default every reason */
  reason?: RejectionReason;
  /** Id of a rejection: only those first received before it. Pass the last id of a page for the next one. */
  before?: string;
  /** Most rejections to return. @default 50 */
  limit?: number;
}

/**
 * Number of deliveries in each state, and figures to alert on.
 *
 * @publicApi
 */
export type InboxStats = Record<DeliveryState, number> & {
  /** Number of rejections that nobody has decided on. */
  openRejections: number;
  /**
   * Time that the oldest due delivery has waited, in milliseconds; 0 if none is due. A delivery with an expired lease
   * is due.
   */
  oldestDue: number;
  /** Number of POSTs that this instance has answered 401 since it started. */
  refused: number;
};

/** Reads deliveries, rejections and statistics for operators. Lists leave `rawBody` out. */
@Injectable()
export class InboxQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly clock: Clock,
    private readonly codec: PayloadCodec,
  ) {}

  /** Finds a delivery with its raw body, by its id or its session. */
  async find(key: string | { sessionId: string; tenant?: string }): Promise<Delivery | null> {
    const where =
      typeof key === 'string' ? { id: key } : { idempotencyKey: idempotencyKey(key.tenant ?? '', key.sessionId) };
    const delivery = await this.connection.reader.getRepository(Delivery).findOneBy(where);
    if (!delivery) return null;
    const { id, tenant, rawBody } = delivery;
    return { ...delivery, rawBody: this.codec.decode(rawBody, { column: 'delivery.raw_body', row: id, tenant }) };
  }

  /** Returns the named fields of deliveries, newest first. */
  list<F extends Exclude<keyof Delivery, 'rawBody'>>(
    { state, externalReferenceId, before, limit = 50 }: DeliveryFilter,
    fields: readonly F[],
  ): Promise<Pick<Delivery, F>[]> {
    const where: FindOptionsWhere<Delivery> = {
      ...(state && { state }),
      // These hold for every row in the state. They let the partial indexes serve the query.
      ...(state === 'pending' && { nextAttemptAt: Not(IsNull()) }),
      ...(state === 'processing' && { leaseExpiresAt: Not(IsNull()) }),
      ...(externalReferenceId !== undefined && { externalReferenceId }),
      ...(before && { id: LessThan(before) }),
    };
    return this.newest(Delivery, where, limit, fields);
  }

  /** Finds a rejection with its raw body. */
  async findRejection(id: string): Promise<Rejection | null> {
    const rejection = await this.connection.reader.getRepository(Rejection).findOneBy({ id });
    if (!rejection) return null;
    const { tenant, rawBody } = rejection;
    return { ...rejection, rawBody: this.codec.decode(rawBody, { column: 'rejection.raw_body', row: id, tenant }) };
  }

  /** Returns the named fields of rejections, newest first. */
  listRejections<F extends Exclude<keyof Rejection, 'rawBody'>>(
    { state = 'open', reason, before, limit = 50 }: RejectionFilter,
    fields: readonly F[],
  ): Promise<Pick<Rejection, F>[]> {
    const where: FindOptionsWhere<Rejection> = {
      state,
      ...(reason && { reason }),
      ...(before && { id: LessThan(before) }),
    };
    return this.newest(Rejection, where, limit, fields);
  }

  private async newest<E extends { id: string }, F extends keyof E & string>(
    entity: EntityTarget<E>,
    where: FindOptionsWhere<E>,
    take: number,
    fields: readonly F[],
  ): Promise<Pick<E, F>[]> {
    const select = Object.fromEntries(fields.map((field) => [field, true])) as FindOptionsSelect<E>;
    const order = { id: 'DESC' } as FindOptionsOrder<E>;
    const rows = await this.connection.reader.getRepository(entity).find({ select, where, order, take });
    return rows.map((row) => ({ ...row }));
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
}
