import { Injectable } from '@nestjs/common';
import { isTenant } from '../authentication/tenant.js';
import { SecretUses } from '../authentication/secret.uses.js';
import { Counters } from '../instrumentation/counters.subscriber.js';
import { Encryption } from '../encryption/encryption.js';
import { InboxQueries, type DeliveryFilter } from '../inbox/inbox.queries.js';
import { checkDeliveryFilter, type DeliverySelection } from '../inbox/selection.checks.js';
import { ingestedPayload } from '../contract/ingested.payload.js';
import { ExtractedDataValidator } from '../contract/extracted-data.validator.js';
import { UnrecordedSessions, type UnrecordedSession } from '../inbox/unrecorded.sessions.js';
import type { Verdict } from '../inbox/verdict.js';
import { WebhookReceiver } from '../inbox/webhook.receiver.js';
import { invalid } from '../option.checks.js';
import type { ActionOptions, ReplayOptions } from './action.options.js';
import { Actions } from './actions.js';
import { BulkOperations } from './bulk.operations.js';
import { History } from './history.js';
import { Monitor } from './monitor.js';
import type { EachOptions, EachResult, ReplayAllOptions } from './replay-all.js';
import type { BulkSelection } from './bulk.view.js';
import type { DiscardResult, ReplayResult } from './decision.results.js';
import { DeliveryDecisions } from './delivery.decisions.js';
import { DeliveryReader } from './delivery.reader.js';
import type { DeliveryDetails, DeliverySummary } from './delivery.view.js';
import type { InboxStats } from './inbox.stats.js';
import { HealthCheck } from './health.check.js';
import type { HealthOptions, InboxHealth } from './inbox.health.js';
import { Retention } from '../retention/retention.js';
import type { Erasure } from '../retention/erasure.js';
import type { EraseOptions, ErasureSubject } from '../retention/erasure.options.js';
import { Eraser } from '../retention/eraser.js';
import { Erasures } from './erasures.js';
import { Rejections } from './rejections.js';

/** Token of the inbox beside its class, which is another one in each copy of the package. */
export const INBOX_TOKEN = 'Cr3dentialsWebhookInbox';

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
 * It is provided under its name too: `app.get<Cr3dentialsWebhookInbox>('Cr3dentialsWebhookInbox')` finds it from a
 * script that may have loaded another copy of the package.
 *
 * @publicApi
 */
@Injectable()
export class Cr3dentialsWebhookInbox {
  constructor(
    private readonly queries: InboxQueries,
    private readonly decisions: DeliveryDecisions,
    private readonly counters: Counters,
    private readonly secrets: SecretUses,
    private readonly receiver: WebhookReceiver,
    private readonly dataValidator: ExtractedDataValidator,
    private readonly unrecordedSessions: UnrecordedSessions,
    private readonly reader: DeliveryReader,
    private readonly eraser: Eraser,
    private readonly healthCheck: HealthCheck,
    /** Authentic POSTs that did not become deliveries. */
    readonly rejections: Rejections,
    /** Keys that contents are sealed with. */
    readonly encryption: Encryption,
    /** Removal of what is older than the options allow. */
    readonly retention: Retention,
    /** Records of what was erased. */
    readonly erasures: Erasures,
    /** Records of what operators did. */
    readonly actions: Actions,
    /** Bulk replays and discards, which instances carry out. */
    readonly bulk: BulkOperations,
    /** What operators look at: problems, instances, handlers, secrets, errors. */
    readonly monitor: Monitor,
    /** What was kept of the past: attempts, and numbers over time. */
    readonly history: History,
  ) {}

  /** Resolves to a delivery with its raw body and its handler runs, or to null when there is none. */
  find(key: DeliveryKey): Promise<DeliveryDetails | null> {
    return this.reader.find(key);
  }

  /**
   * Lists deliveries without their raw bodies, newest first. Returns at most 50 unless `limit` is given. Pass the last
   * id as `before` for the next page, or use `each`.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the filter is wrong; `KEYS_UNAVAILABLE` when a sealed inbox
   *   is searched by a reference, and the key service does not answer
   */
  async list(filter: DeliveryFilter = {}): Promise<DeliverySummary[]> {
    checkDeliveryFilter(filter, '');
    const found = await this.queries.list(filter);
    return found.map((record) => this.reader.summaryOf(record));
  }

  /**
   * Goes through all deliveries that are selected now, newest first, without their raw bodies: `for await (const { id }
   * of inbox.each({ state: 'dead' }))`. It reads small pages as they are needed. `dead`, `unhandled` and `discarded`
   * are found by an index. Other states are looked for among all deliveries of the time: with millions, pass
   * `receivedBetween`.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the selection is wrong
   */
  each(selection: DeliverySelection = {}): AsyncIterable<DeliverySummary> {
    return this.reader.summariesOf(this.decisions.selected(selection));
  }

  /** Counts deliveries by state. Alert on `oldestDue`: the milliseconds that the oldest due delivery has waited. */
  async stats(): Promise<InboxStats> {
    return {
      ...(await this.queries.stats()),
      refused: this.counters.refused(),
      secrets: this.secrets.list(),
      unreadable: this.counters.unreadable(),
      retention: await this.retention.status(),
    };
  }

  /**
   * Tells whether this instance is alive or ready, or whether all is well, with what is wrong. It rejects for wrong
   * options only. What is asked of the database is read at most once in 10 seconds, however many probes ask.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is wrong
   */
  health(options: HealthOptions = {}): Promise<InboxHealth> {
    return this.healthCheck.answer(options);
  }

  /**
   * Makes a delivery due again, on any worker. Its handlers that have not completed run with all their attempts. Named
   * handlers run even if they have completed, and the writes of a transactional one take effect once more. Dead
   * handlers that are not named stay dead.
   *
   * @returns `'replayed'`, or the reason why not. `'busy'`: a worker is processing the delivery; try again.
   *   `'completed'`: every handler has completed; name the handlers to run again. `'purged'`: its contents were
   *   removed. `'erased'`: its session was erased. `'unknown'`: no delivery has this id.
   * @throws Cr3dentialsWebhookError `HANDLER_INVALID` when `handlers` is empty, or names one that no live instance has;
   *   `OPTIONS_INVALID` when `by`, `reason` or `source` is wrong
   */
  async replay(deliveryId: string, options: ReplayOptions = {}): Promise<ReplayResult> {
    return this.decisions.replay(deliveryId, options);
  }

  /**
   * Replays every delivery that is selected when the call begins, newest first, one after the other. Resolves to the
   * number of each result of `replay`. A delivery that is in another state by its turn is left as it is. If the call
   * fails or the process ends, what was replayed stays replayed, and the call can be repeated.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the selection or an option is wrong; `HANDLER_INVALID` as
   *   `replay` does
   */
  replayAll(selection: BulkSelection, options: ReplayAllOptions = {}): Promise<EachResult<ReplayResult>> {
    return this.decisions.replayAll(selection, options);
  }

  /**
   * Ends a delivery that needs no processing. The delivery is kept, and can be replayed.
   *
   * @returns `'discarded'`, or the reason why not. `'busy'`: a worker is processing the delivery. `'completed'`: every
   *   handler has completed. `'purged'`: its contents were removed. `'erased'`: its session was erased. `'unknown'`: no
   *   delivery has this id.
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is wrong
   */
  discard(deliveryId: string, options: ActionOptions = {}): Promise<DiscardResult> {
    return this.decisions.discard(deliveryId, options);
  }

  /**
   * Discards every delivery that is selected when the call begins, as `replayAll` replays them.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the selection or an option is wrong
   */
  discardAll(selection: BulkSelection, options: EachOptions<DiscardResult> = {}): Promise<EachResult<DiscardResult>> {
    return this.decisions.discardAll(selection, options);
  }

  /**
   * Erases a session, all sessions with a reference, a tenant or a rejection: bodies, references, errors of handlers,
   * statuses and session ids. What is left of a session is the hash of its key, so that a repetition is answered 200
   * and not kept. A delivery that is being handled may come to its end for `wait` milliseconds; its handlers are
   * aborted then. What handlers have written elsewhere is yours to erase.
   *
   * The record comes first: if the process ends meanwhile, another instance goes on. Keep the result outside the
   * database for `erasures.reapply()`.
   *
   * @returns the record. `state: 'requested'`: rows are locked, and an instance goes on. `unsearchable`: a key was
   *   missing
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the subject or an option is wrong
   */
  erase(subject: ErasureSubject, options: EraseOptions = {}): Promise<Erasure> {
    return this.eraser.erase(subject, options);
  }

  /**
   * Records a payload as if the provider had posted it, for one that it has given up: from its portal or its API, for
   * example. Resolves to the outcome: the same session again is a `duplicate`, and nothing happens twice.
   * `unavailable`: it could not be recorded; try again. A payload that becomes no delivery is kept as a rejection.
   *
   * @param payload the parsed body, or its text, which is stored as it is
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the payload is no JSON object, or the tenant no usable text
   */
  async ingest(payload: object | string, { tenant = '' }: { tenant?: string } = {}): Promise<Verdict> {
    if (!isTenant(tenant)) throw invalid('The tenant must be well-formed text of up to 255 characters.');
    const webhook = ingestedPayload(payload, tenant, this.dataValidator);
    if (!webhook) throw invalid('The payload is not a JSON object with fields. Pass the body of one webhook.');
    return this.receiver.receive(webhook);
  }

  /**
   * Lists the sessions whose POSTs this instance has answered 503 since it started, and that are still not in the
   * inbox, oldest first: the last 10 000. The provider sends them again until it gives up. Fetch what is left from its
   * portal, and `ingest` it.
   */
  unrecorded(): Promise<UnrecordedSession[]> {
    return this.unrecordedSessions.list();
  }
}
