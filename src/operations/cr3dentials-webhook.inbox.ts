import { Injectable } from '@nestjs/common';
import { Counters } from '../instrumentation/counters.subscriber.js';
import type { DeliveryState } from '../inbox/delivery.entity.js';
import { DeliveryStateRepository } from '../inbox/delivery-state.repository.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import { InboxQueries, type DeliveryFilter, type InboxStats } from '../inbox/inbox.queries.js';
import { VerificationHandlersRegistry } from '../processing/handlers/verification-handlers.registry.js';
import { runFields, summaryFields, type DeliveryDetails, type DeliverySummary } from './delivery.view.js';
import { pick } from './pick.js';
import { Rejections } from './rejections.js';

/**
 * Key of a delivery: its id, or its session and tenant.
 *
 * @publicApi
 */
export type DeliveryKey =
  | string
  | {
      /** The verification session. */
      sessionId: string;
      /** Tenant of the session. @default no tenant */
      tenant?: string;
    };

/**
 * Operator's API: finds, lists, counts, replays and discards deliveries. All times are epoch milliseconds of the
 * database's clock.
 *
 * @publicApi
 */
@Injectable()
export class Cr3dentialsWebhookInbox {
  constructor(
    private readonly queries: InboxQueries,
    private readonly states: DeliveryStateRepository,
    private readonly runs: HandlerRunRepository,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly counters: Counters,
    /** Authentic POSTs that did not become deliveries. */
    readonly rejections: Rejections,
  ) {}

  /** Resolves to a delivery with its raw body and its handler runs, or to null when there is none. */
  async find(key: DeliveryKey): Promise<DeliveryDetails | null> {
    const delivery = await this.queries.find(key);
    if (!delivery) return null;
    const runs = (await this.runs.findByDeliveries([delivery.id])).get(delivery.id) ?? [];
    const { idempotencyKey, rawBody } = delivery;
    return { ...pick(delivery, summaryFields), idempotencyKey, rawBody, runs: runs.map((run) => pick(run, runFields)) };
  }

  /**
   * Lists deliveries without their raw bodies, newest first. Returns at most 50 unless `limit` is given. Pass the last
   * id as `before` for the next page.
   */
  list(filter: DeliveryFilter = {}): Promise<DeliverySummary[]> {
    return this.queries.list(filter, summaryFields);
  }

  /** Counts deliveries by state. Alert on `oldestDue`: the milliseconds that the oldest due delivery has waited. */
  async stats(): Promise<InboxStats> {
    return { ...(await this.queries.stats()), refused: this.counters.unauthorized };
  }

  /**
   * Makes a delivery due again, on any worker. Its handlers that have not completed run with all their attempts. Named
   * handlers run even if they have completed, and the writes of a transactional one take effect once more. Dead
   * handlers that are not named stay dead.
   *
   * @returns `'replayed'`, or the reason why not. `'busy'`: a worker is processing the delivery; try again.
   *   `'completed'`: every handler has completed; name the handlers to run again. `'unknown'`: no delivery has this id.
   * @throws Cr3dentialsWebhookError `HANDLER_INVALID` when `handlers` is empty, or names one that is not subscribed in
   *   this application
   */
  async replay(
    deliveryId: string,
    { handlers }: { handlers?: readonly string[] } = {},
  ): Promise<'replayed' | 'busy' | 'completed' | 'unknown'> {
    if (handlers) this.handlers.assertKnown(handlers);
    return this.states.replay(deliveryId, handlers);
  }

  /**
   * Ends a delivery that needs no processing. The delivery is kept, and can be replayed.
   *
   * @returns `'discarded'`, or the reason why not. `'busy'`: a worker is processing the delivery. `'completed'`: every
   *   handler has completed. `'unknown'`: no delivery has this id.
   */
  discard(deliveryId: string): Promise<'discarded' | 'busy' | 'completed' | 'unknown'> {
    return this.states.discard(deliveryId);
  }
}

/** @publicApi */
export type { DeliveryFilter, DeliveryState, InboxStats };
