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
 * What accepting a rejection came to.
 *
 * `accepted`: it is a delivery now, and will be processed. `duplicate`: the same content had become a delivery already.
 * `rejected`: this version still does not understand it. `unexpected-data`: its data still does not fit the class that
 * is declared for its platform. `busy`: a worker has the session's delivery in hand, try again. `decided`: it had been
 * accepted before. `unknown`: there is no such rejection.
 *
 * @publicApi
 */
export type Acceptance = 'accepted' | 'duplicate' | 'rejected' | 'unexpected-data' | 'busy' | 'decided' | 'unknown';

/**
 * Authentic POSTs that could not become deliveries.
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

  /** Finds one by its id, with its payload. */
  async find(id: string): Promise<RejectionDetails | null> {
    const rejection = await this.queries.findRejection(id);
    return rejection && { ...pick(rejection, summaryFields), rawBody: rejection.rawBody };
  }

  /** Newest first, 50 open ones at most unless the filter says otherwise; without their payloads. */
  list(filter: RejectionFilter = {}): Promise<RejectionSummary[]> {
    return this.queries.listRejections(filter, summaryFields);
  }

  /**
   * Makes a delivery of it. A conflict takes the place of what was recorded for the session, which is kept as a
   * rejection (`superseded`), and every handler runs for it, transactional ones too.
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

  /** Keeps it, decided: `false` when it is not open. */
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

/** A body of nothing but a byte order mark came as an empty object. */
function parsed(rawBody: string): unknown {
  return /^\uFEFF?$/.test(rawBody) ? {} : parseRawBody(rawBody);
}

/** Rolls back the acceptance. */
class Busy extends Error {}
