import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { understandWith } from '../contract/payload-validation.pipe.js';
import { PlatformData } from '../contract/platform-data.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import { InboxConnection } from '../inbox/inbox.connection.js';
import { OperatorRepository, type RejectionFilter } from '../inbox/operator.repository.js';
import { newDelivery, type NewDelivery } from '../inbox/recording.js';
import type { Rejection } from '../inbox/rejection.entity.js';
import { RejectionRepository } from '../inbox/rejection.repository.js';
import { InboxRepository } from '../inbox/inbox.repository.js';

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
    private readonly connection: InboxConnection,
    private readonly inbox: InboxRepository,
    private readonly rejections: RejectionRepository,
    private readonly operator: OperatorRepository,
    private readonly runs: HandlerRunRepository,
    private readonly clock: Clock,
    private readonly platforms: PlatformData,
  ) {}

  /** Newest first, 50 open ones at most unless the filter says otherwise. */
  list(filter: RejectionFilter = {}): Promise<Rejection[]> {
    return this.operator.listRejections(filter);
  }

  /**
   * Makes a delivery of it. A conflict takes the place of what was recorded for the session, which is kept as a
   * rejection (`superseded`), and every handler runs for it, transactional ones too.
   */
  async accept(id: string): Promise<Acceptance> {
    const rejection = await this.operator.findRejection(id);
    if (!rejection) return 'unknown';
    if (rejection.state === 'accepted') return 'decided';
    const { tenant, body } = rejection;
    const understanding = understandWith(this.platforms, parsed(body));
    if (understanding.understood === 'unexpected-data') return 'unexpected-data';
    if (understanding.understood !== 'yes') return 'rejected';
    const delivery = newDelivery(tenant, understanding.payload, body, this.clock.now());
    const [recording] = await this.inbox.record([{ delivery, lease: undefined, duplicates: 0 }]);
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
    const before = await this.operator.find({ sessionId, tenant });
    if (!before) return 'unknown';
    return this.connection
      .transaction(async (run) => {
        const isDecided = await this.rejections.decide(rejection.id, 'accepted', ['open', 'discarded'], run);
        if (!isDecided) return 'decided';
        if (!(await this.operator.supersede(run, delivery))) throw new Busy();
        await this.runs.forget(run, before.id);
        const kept = { reason: 'superseded', detail: before.id, body: before.payload, tenant, sessionId } as const;
        await this.rejections.keep(kept, this.clock.now(), run);
        return 'accepted';
      })
      .catch((error: unknown) => {
        if (error instanceof Busy) return 'busy';
        throw error;
      });
  }
}

/** A body that is nothing but a byte order mark came as an empty object. */
function parsed(body: string): unknown {
  return JSON.parse(body.replace(/^\uFEFF/, '') || '{}');
}

/** Rolls back the acceptance. */
class Busy extends Error {}
