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
 * One session, or the delivery itself.
 *
 * @publicApi
 */
export type DeliveryKey = string | { sessionId: string; tenant?: string };

/**
 * The operator's API. Times are epoch milliseconds of the database's clock.
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
    /** Authentic POSTs that could not become deliveries. */
    readonly rejections: Rejections,
  ) {}

  /** Finds a delivery by its id or its session, with its payload and its handlers. */
  async find(key: DeliveryKey): Promise<DeliveryDetails | null> {
    const delivery = await this.queries.find(key);
    if (!delivery) return null;
    const runs = (await this.runs.findByDeliveries([delivery.id])).get(delivery.id) ?? [];
    const { idempotencyKey, rawBody } = delivery;
    return { ...pick(delivery, summaryFields), idempotencyKey, rawBody, runs: runs.map((run) => pick(run, runFields)) };
  }

  /**
   * Lists deliveries without their payloads, newest first: 50 at most unless `limit` says otherwise. Pass the last id as
   * `before` for the next page.
   */
  list(filter: DeliveryFilter = {}): Promise<DeliverySummary[]> {
    return this.queries.list(filter, summaryFields);
  }

  /** Counts by state, and how long the oldest due delivery has waited: the number to alert on. */
  async stats(): Promise<InboxStats> {
    return { ...(await this.queries.stats()), refused: this.counters.unauthorized };
  }

  /**
   * Processes a delivery again, on any worker: the handlers that have not completed, with all their attempts. Naming
   * handlers runs them even if they have completed, a transactional one taking effect once more, and leaves dead ones
   * that are not named as they are.
   *
   * @returns what it came to. `'busy'`: a worker has it in hand, try again; `'completed'`: every handler has completed,
   *   name those to run again; `'unknown'`: there is no such delivery.
   * @throws Cr3dentialsWebhookError `HANDLER_INVALID` when no handler of that name is subscribed in this application
   */
  async replay(
    deliveryId: string,
    { handlers }: { handlers?: readonly string[] } = {},
  ): Promise<'replayed' | 'busy' | 'completed' | 'unknown'> {
    if (handlers) this.handlers.assertKnown(handlers);
    return this.states.replay(deliveryId, handlers);
  }

  /**
   * Ends a delivery that needs no processing; it is kept, and can be replayed.
   *
   * @returns `'discarded'`, or why not. `'busy'`: a worker has it in hand; `'completed'`: there is nothing to discard.
   */
  discard(deliveryId: string): Promise<'discarded' | 'busy' | 'completed' | 'unknown'> {
    return this.states.discard(deliveryId);
  }
}

/** @publicApi */
export type { DeliveryFilter, DeliveryState, InboxStats };
