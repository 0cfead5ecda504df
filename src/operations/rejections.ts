import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { validatePayload } from '../contract/payload-validation.pipe.js';
import { parseRawBody } from '../contract/raw-body.js';
import { ExtractedDataValidator } from '../contract/extracted-data.validator.js';
import { DeliveryStateRepository } from '../inbox/delivery-state.repository.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { InboxQueries, type RejectionFilter } from '../inbox/inbox.queries.js';
import { newDelivery, type NewDelivery } from '../inbox/delivery.factory.js';
import type { Rejection } from '../inbox/rejection.entity.js';
import { RejectionRepository } from '../inbox/rejection.repository.js';
import { pick } from './pick.js';
import { summaryFields, type RejectionDetails, type RejectionSummary } from './rejection.view.js';
import { DeliveryRepository } from '../inbox/delivery.repository.js';

/**
 * Result of accepting a rejection.
 *
 * - `accepted`: it is a delivery now, and a worker will process it.
 * - `duplicate`: the same content was a delivery already.
 * - `rejected`: it still breaks the contract of this version.
 * - `unexpected-data`: its `extractedData` still breaks the class that is declared for its platform.
 * - `busy`: a worker is processing the delivery of its session; try again.
 * - `decided`: it was accepted before.
 * - `unknown`: no rejection has this id.
 *
 * @publicApi
 */
export type Acceptance = 'accepted' | 'duplicate' | 'rejected' | 'unexpected-data' | 'busy' | 'decided' | 'unknown';

/**
 * Authenticated POSTs that did not become deliveries.
 *
 * @publicApi
 */
@Injectable()
export class Rejections {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly deliveries: DeliveryRepository,
    private readonly rejections: RejectionRepository,
    private readonly queries: InboxQueries,
    private readonly states: DeliveryStateRepository,
    private readonly runs: HandlerRunRepository,
    private readonly clock: Clock,
    private readonly dataValidator: ExtractedDataValidator,
  ) {}

  /** Resolves to a rejection with its raw body, or to null when there is none. */
  async find(id: string): Promise<RejectionDetails | null> {
    const rejection = await this.queries.findRejection(id);
    return rejection && { ...pick(rejection, summaryFields), rawBody: rejection.rawBody };
  }

  /**
   * Lists rejections without their raw bodies, newest first. Returns at most 50 open ones unless the filter says
   * otherwise.
   */
  list(filter: RejectionFilter = {}): Promise<RejectionSummary[]> {
    return this.queries.listRejections(filter, summaryFields);
  }

  /**
   * Makes a delivery of a rejection. A conflict replaces the recorded content of its session, and all handlers run for
   * it, transactional ones too. The replaced content is kept as a rejection (`superseded`).
   */
  async accept(id: string): Promise<Acceptance> {
    const rejection = await this.queries.findRejection(id);
    if (!rejection) return 'unknown';
    if (rejection.state === 'accepted') return 'decided';
    const { tenant, rawBody } = rejection;
    const result = validatePayload(this.dataValidator, parsed(rawBody));
    if (result.rejection) return result.rejection.reason === 'unexpected-data' ? 'unexpected-data' : 'rejected';
    const delivery = newDelivery(tenant, result.payload, rawBody, this.clock.now());
    const [recording] = await this.deliveries.record([{ delivery, lease: undefined, duplicates: 0 }]);
    if (recording === 'conflict') return this.supersede(rejection, delivery);
    await this.rejections.decide(id, 'accepted');
    return recording === 'accepted' ? 'accepted' : 'duplicate';
  }

  /** Discards an open rejection, and keeps its row. Resolves to false when it is not open. */
  discard(id: string): Promise<boolean> {
    return this.rejections.decide(id, 'discarded', ['open']);
  }

  private async supersede(rejection: Rejection, delivery: NewDelivery): Promise<Acceptance> {
    const { tenant, sessionId } = delivery;
    const before = await this.queries.find({ sessionId, tenant });
    if (!before) return 'unknown';
    return this.connection
      .transaction(async (execute) => {
        const isDecided = await this.rejections.decide(rejection.id, 'accepted', ['open', 'discarded'], execute);
        if (!isDecided) return 'decided';
        if (!(await this.states.supersede(execute, before.id, delivery))) throw new Busy();
        await this.runs.delete(execute, before.id);
        const superseded = {
          reason: 'superseded',
          detail: before.id,
          rawBody: before.rawBody,
          tenant,
          sessionId,
        } as const;
        await this.rejections.save(superseded, this.clock.now(), execute);
        return 'accepted';
      })
      .catch((error: unknown) => {
        if (error instanceof Busy) return 'busy';
        throw error;
      });
  }
}

/**
 * Returns an empty object for a body that is empty or only a byte order mark, because the parser of the host returned
 * one for it.
 */
function parsed(rawBody: string): unknown {
  return /^\uFEFF?$/.test(rawBody) ? {} : parseRawBody(rawBody);
}

/** Thrown inside the transaction to roll back the acceptance. */
class Busy extends Error {}
