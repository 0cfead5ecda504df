import { isTenant } from '../authentication/tenant.js';
import { Injectable } from '@nestjs/common';
import { SecretUses } from '../authentication/secret-uses.js';
import { Counters } from '../instrumentation/counters.subscriber.js';
import { Encryption } from '../encryption/encryption.js';
import type { DeliveryState } from '../inbox/delivery-state.entity.js';
import { DeliveryStateRepository } from '../inbox/delivery-state.repository.js';
import { InboxQueries, type DeliveryFilter } from '../inbox/inbox.queries.js';
import { checkDeliveryFilter, checkSelection, type DeliverySelection } from '../inbox/delivery.selection.js';
import { SelectionQueries } from '../inbox/selection.queries.js';
import { ingestedPayload } from '../contract/ingested.payload.js';
import { ExtractedDataValidator } from '../contract/extracted-data.validator.js';
import { UnrecordedSessionRepository, type UnrecordedSession } from '../inbox/unrecorded-session.repository.js';
import type { Verdict } from '../inbox/verdict.js';
import { WebhookReceiver } from '../inbox/webhook.receiver.js';
import { invalid, oneOf } from '../option.checks.js';
import { VerificationHandlersRegistry } from '../processing/handlers/verification-handlers.registry.js';
import {
  checkBulkOptions,
  checkReplayAllOptions,
  DISCARD_RESULTS,
  doWithAll,
  REPLAY_RESULTS,
  type BulkOptions,
  type BulkResult,
  type BulkSelection,
  type DiscardResult,
  type ReplayAllOptions,
  type ReplayResult,
} from './bulk.js';
import { DeliveryReader } from './delivery.reader.js';
import type { DeliveryDetails, DeliverySummary } from './delivery.view.js';
import type { InboxStats } from './inbox.stats.js';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { Retention } from '../retention/retention.js';
import { Rejections } from './rejections.js';

const REPLAYABLE = ['pending', 'dead', 'unhandled', 'discarded'] as const;
const REPLAYABLE_BY_NAME = [...REPLAYABLE, 'completed'] as const;
const DISCARDABLE = ['pending', 'dead', 'unhandled'] as const;

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
 * It is provided under its name too: `app.get<Cr3dentialsWebhookInbox>('Cr3dentialsWebhookInbox')` finds it from a script
 * that may have loaded another copy of the package.
 *
 * @publicApi
 */
@Injectable()
export class Cr3dentialsWebhookInbox {
  constructor(
    private readonly queries: InboxQueries,
    private readonly selections: SelectionQueries,
    private readonly states: DeliveryStateRepository,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly counters: Counters,
    private readonly secrets: SecretUses,
    private readonly receiver: WebhookReceiver,
    private readonly dataValidator: ExtractedDataValidator,
    private readonly unrecordedSessions: UnrecordedSessionRepository,
    private readonly codec: PayloadCodec,
    private readonly reader: DeliveryReader,
    /** Authentic POSTs that did not become deliveries. */
    readonly rejections: Rejections,
    /** Keys that contents are sealed with. */
    readonly encryption: Encryption,
    /** Removal of what is older than the options allow. */
    readonly retention: Retention,
  ) {}

  /** Resolves to a delivery with its raw body and its handler runs, or to null when there is none. */
  find(key: DeliveryKey): Promise<DeliveryDetails | null> {
    return this.reader.find(key);
  }

  /**
   * Lists deliveries without their raw bodies, newest first. Returns at most 50 unless `limit` is given. Pass the last
   * id as `before` for the next page, or use `each`.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the filter is wrong; `KEYS_UNAVAILABLE` when a sealed inbox is
   *   searched by a reference, and the key service does not answer
   */
  async list(filter: DeliveryFilter = {}): Promise<DeliverySummary[]> {
    checkDeliveryFilter(filter, '');
    const found = await this.queries.list(filter);
    return found.map((record) => this.reader.summaryOf(record));
  }

  /**
   * Goes through all deliveries that are selected now, newest first, without their raw bodies: `for await (const { id }
   * of inbox.each({ state: 'dead' }))`. It reads small pages as they are needed. `dead`, `unhandled` and `discarded` are
   * found by an index. Other states are looked for among all deliveries of the time: with millions, pass
   * `receivedBetween`.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the selection is wrong
   */
  each(selection: DeliverySelection = {}): AsyncIterable<DeliverySummary> {
    this.checkSelection(selection);
    return this.reader.summariesOf(this.selections.pages(selection));
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
   * Makes a delivery due again, on any worker. Its handlers that have not completed run with all their attempts. Named
   * handlers run even if they have completed, and the writes of a transactional one take effect once more. Dead
   * handlers that are not named stay dead.
   *
   * @returns `'replayed'`, or the reason why not. `'busy'`: a worker is processing the delivery; try again.
   *   `'completed'`: every handler has completed; name the handlers to run again. `'purged'`: its contents were removed.
   *   `'unknown'`: no delivery has this id.
   * @throws Cr3dentialsWebhookError `HANDLER_INVALID` when `handlers` is empty, or names one that is not subscribed in
   *   this application
   */
  async replay(deliveryId: string, { handlers }: { handlers?: readonly string[] } = {}): Promise<ReplayResult> {
    if (handlers) this.handlers.assertKnown(handlers);
    return this.states.replay(deliveryId, handlers);
  }

  /**
   * Replays every delivery that is selected when the call begins, newest first, one after the other. Resolves to the
   * number of each result of `replay`. A delivery that is in another state by its turn is left as it is. If the call
   * fails or the process ends, what was replayed stays replayed, and the call can be repeated.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the selection or an option is wrong; `HANDLER_INVALID` as
   *   `replay` does
   */
  async replayAll(selection: BulkSelection, options: ReplayAllOptions = {}): Promise<BulkResult<ReplayResult>> {
    const { handlers, ...pace } = options;
    checkReplayAllOptions(options, '');
    this.checkBulk(selection, handlers ? REPLAYABLE_BY_NAME : REPLAYABLE);
    if (handlers) this.handlers.assertKnown(handlers);
    const replay = (id: string) => this.states.replay(id, handlers, selection.state);
    return doWithAll(this.selections.pages(selection), REPLAY_RESULTS, replay, pace);
  }

  /**
   * Ends a delivery that needs no processing. The delivery is kept, and can be replayed.
   *
   * @returns `'discarded'`, or the reason why not. `'busy'`: a worker is processing the delivery. `'completed'`: every
   *   handler has completed. `'purged'`: its contents were removed. `'unknown'`: no delivery has this id.
   */
  discard(deliveryId: string): Promise<DiscardResult> {
    return this.states.discard(deliveryId);
  }

  /**
   * Discards every delivery that is selected when the call begins, as `replayAll` replays them.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the selection or an option is wrong
   */
  async discardAll(
    selection: BulkSelection,
    options: BulkOptions<DiscardResult> = {},
  ): Promise<BulkResult<DiscardResult>> {
    checkBulkOptions(options, '');
    this.checkBulk(selection, DISCARDABLE);
    const discard = (id: string) => this.states.discard(id, selection.state);
    return doWithAll(this.selections.pages(selection), DISCARD_RESULTS, discard, options);
  }

  /**
   * Records a payload as if the provider had posted it, for one that it has given up: from its portal or its API, for
   * example. Resolves to the outcome: the same session again is a `duplicate`, and nothing happens twice. `unavailable`:
   * it could not be recorded; try again. A payload that becomes no delivery is kept as a rejection.
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

  private checkSelection(selection: DeliverySelection): void {
    checkSelection(selection, '');
    if (selection.error !== undefined && this.codec.isKeyed)
      throw invalid('Option "error" cannot be looked for: errors are sealed. Select by "handler" instead.');
  }

  private checkBulk(selection: BulkSelection, states: readonly DeliveryState[]): void {
    this.checkSelection(selection);
    oneOf(...states)(selection.state, 'state');
  }
}
