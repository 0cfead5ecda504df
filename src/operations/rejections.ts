import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { validatePayload } from '../contract/payload-validation.js';
import { parseRejectedBody } from '../contract/raw-body.js';
import { ExtractedDataValidator } from '../contract/extracted-data.validator.js';
import { DeliveryStateRepository } from '../inbox/delivery-state.repository.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import { isLocked } from '../database/database.errors.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { InboxQueries, type RejectionFilter } from '../inbox/inbox.queries.js';
import { checkRejectionFilter } from '../inbox/selection.checks.js';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { RejectionQueries } from '../inbox/rejection.queries.js';
import { newDelivery, type NewDelivery } from '../inbox/claimed-delivery.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { RejectionRepository } from '../inbox/rejection.repository.js';
import { ActionRepository } from '../inbox/action.repository.js';
import type { Sql } from '../database/sql.js';
import { actOf, checkActionOptions, actorOf, type ActionOptions } from './action.options.js';
import { textOf } from './contents.view.js';
import { toDetails, toSummary, type RejectionDetails, type RejectionSummary } from './rejection.view.js';
import { DeliveryRepository } from '../inbox/delivery.repository.js';

/**
 * Result of accepting a rejection.
 *
 * - `accepted`: it is a delivery now, and a worker will process it.
 * - `duplicate`: the same content was a delivery already.
 * - `rejected`: it still breaks the contract of this version.
 * - `unexpected-data`: its `extractedData` still breaks the class that is declared for its platform.
 * - `busy`: a worker is processing the delivery of its session, or somebody has locked a row; try again.
 * - `unreadable`: it, or the delivery that it would replace, is sealed and does not open. Nothing was changed.
 * - `purged`: the contents of the delivery that it would replace were removed. Nothing was changed.
 * - `erased`: its session was erased. The rejection is deleted, too.
 * - `already-accepted`: it was accepted before.
 * - `unknown`: no rejection has this id.
 *
 * @publicApi
 */
export type Acceptance =
  | 'accepted'
  | 'duplicate'
  | 'rejected'
  | 'unexpected-data'
  | 'busy'
  | 'unreadable'
  | 'purged'
  | 'erased'
  | 'already-accepted'
  | 'unknown';

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
    private readonly queries: RejectionQueries,
    private readonly deliveryQueries: InboxQueries,
    private readonly states: DeliveryStateRepository,
    private readonly runs: HandlerRunRepository,
    private readonly actions: ActionRepository,
    private readonly clock: Clock,
    private readonly dataValidator: ExtractedDataValidator,
    private readonly codec: PayloadCodec,
    private readonly instrumentation: Instrumentation,
  ) {}

  /** Resolves to a rejection with its raw body, or to null when there is none. */
  async find(id: string): Promise<RejectionDetails | null> {
    const found = await this.queries.find(id);
    return found && toDetails(found.rejection, found.detail, found.rawBody);
  }

  /**
   * Lists rejections without their raw bodies, newest first. Returns at most 50 open ones unless the filter says
   * otherwise.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the filter is wrong
   */
  async list(filter: RejectionFilter = {}): Promise<RejectionSummary[]> {
    checkRejectionFilter(filter, '');
    const found = await this.queries.list(filter);
    return found.map(({ rejection, detail }) => toSummary(rejection, detail));
  }

  /**
   * Goes through all rejections of a filter, newest first, without their raw bodies. It reads a page of 50 as it is
   * needed.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the filter is wrong
   */
  each(filter: Pick<RejectionFilter, 'state' | 'reason'> = {}): AsyncIterable<RejectionSummary> {
    checkRejectionFilter(filter, '');
    return this.pages(filter);
  }

  private async *pages(filter: RejectionFilter): AsyncGenerator<RejectionSummary> {
    let before: string | undefined;
    do {
      const page = await this.list({ ...filter, before });
      yield* page;
      before = page.at(-1)?.id;
    } while (before !== undefined);
  }

  /**
   * Makes a delivery of a rejection. A conflict replaces the recorded content of its session, and all handlers run for
   * it, transactional ones too. The replaced content is kept as a rejection (`superseded`).
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is wrong
   */
  async accept(id: string, options: ActionOptions = {}): Promise<Acceptance> {
    checkActionOptions(options, '');
    const operator = actorOf(options);
    const action = this.actions.insertStatement({ operator, action: 'accept-rejection', targetId: id });
    const answer = await this.tryToAccept(id, action);
    this.announce('accept-rejection', id, answer);
    if (answer === 'accepted' || answer === 'duplicate')
      this.instrumentation.announce('acted', actOf(operator, 'accept-rejection', id));
    return answer;
  }

  private async tryToAccept(id: string, action: Sql): Promise<Acceptance> {
    try {
      return await this.decide(id, action);
    } catch (error) {
      if (error instanceof Refused) return error.result;
      if (isLocked(this.connection.dialect, error)) return 'busy';
      throw error;
    }
  }

  private async decide(id: string, action: Sql): Promise<Acceptance> {
    const found = await this.queries.find(id);
    if (!found) return 'unknown';
    const { rejection } = found;
    if (rejection.state === 'accepted') return 'already-accepted';
    const { tenant } = rejection;
    const rawBody = textOf(found.rawBody);
    if (rawBody === null) return 'unreadable';
    const result = validatePayload(this.dataValidator, parseRejectedBody(rawBody));
    if (result.rejection) return result.rejection.reason === 'unexpected-data' ? 'unexpected-data' : 'rejected';
    await this.codec.prepare(tenant);
    const delivery = newDelivery(tenant, result.payload, rawBody, this.clock.now());
    const [recording] = await this.deliveries.record([{ delivery, lease: undefined, duplicates: 0 }]);
    if (!recording || recording === 'locked') return 'busy';
    if (recording.verdict === 'conflict') return this.supersede(id, delivery, action);
    if (recording.verdict === 'erased') return this.forget(id);
    if (!(await this.rejections.setState(id, 'accepted', ['open', 'discarded'], action))) return 'already-accepted';
    return recording.verdict === 'accepted' ? 'accepted' : 'duplicate';
  }

  /**
   * Discards an open rejection, and keeps its row. Resolves to false when it is not open.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is wrong
   */
  async discard(id: string, options: ActionOptions = {}): Promise<boolean> {
    checkActionOptions(options, '');
    const operator = actorOf(options);
    const action = this.actions.insertStatement({ operator, action: 'discard-rejection', targetId: id });
    const isDiscarded = await this.rejections.setState(id, 'discarded', ['open'], action);
    this.announce('discard-rejection', id, isDiscarded ? 'discarded' : 'not-open');
    if (isDiscarded) this.instrumentation.announce('acted', actOf(operator, 'discard-rejection', id));
    return isDiscarded;
  }

  /** It was kept while its session was being erased. */
  private async forget(id: string): Promise<'erased'> {
    await this.rejections.delete(id);
    return 'erased';
  }

  private announce(decision: 'accept-rejection' | 'discard-rejection', rejectionId: string, answer: string): void {
    this.instrumentation.announce('decided', { decision, answer, deliveryId: undefined, rejectionId });
  }

  private async supersede(rejectionId: string, delivery: NewDelivery, action: Sql): Promise<Acceptance> {
    const { tenant, sessionId } = delivery;
    if (await this.states.isPurged(delivery.idempotencyKey)) return 'purged';
    await this.deliveryQueries.find({ tenant, sessionId }); // its key is at hand then, and not waited for with locks
    return this.connection.transaction(async (execute) => {
      const from = ['open', 'discarded'] as const;
      if (!(await this.rejections.setStateWith(execute, rejectionId, 'accepted', from, action)))
        return 'already-accepted';
      const superseded = await this.states.supersede(execute, delivery);
      if (!superseded) throw new Refused('busy');
      const { id, before } = superseded;
      if (before.contents !== 'readable') throw new Refused('unreadable');
      if (!(await this.runs.delete(execute, id))) throw new Refused('busy');
      const replaced = { reason: 'superseded', detail: id, rawBody: before.text, tenant, sessionId } as const;
      await this.rejections.saveWith(execute, replaced, this.clock.now());
      return 'accepted';
    });
  }
}

/** Thrown inside the transaction to roll back the acceptance. */
class Refused extends Error {
  constructor(readonly result: 'busy' | 'unreadable') {
    super(result);
  }
}
