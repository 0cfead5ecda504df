import { Injectable } from '@nestjs/common';
import { ActionRepository } from '../inbox/action.repository.js';
import { DatabaseConnection } from '../database/database.connection.js';
import type { HandlerRun } from '../inbox/handler-run.entity.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import { DeliveryLookupQueries } from '../inbox/delivery-lookup.queries.js';
import { DeliverySearchQueries, type DeliverySearch } from '../inbox/delivery-search.queries.js';
import { DeliverySearches } from '../inbox/delivery.search.js';
import { idempotencyKey } from '../inbox/delivery.identity.js';
import type { DeliveryRecord } from '../inbox/delivery-record.queries.js';
import { PayloadCodec, runErrorPlace } from '../inbox/payload.codec.js';
import { isRecordId } from '../inbox/record.id.js';
import { ReferenceKeys } from '../inbox/reference-keys.js';
import { RejectionQueries, type RejectionRecord } from '../inbox/rejection.queries.js';
import { RejectionSearchQueries, type RejectionSearch } from '../inbox/rejection-search.queries.js';
import { plainReferenceKey } from '../inbox/rejection.subject.js';
import type { Found, Place } from '../inbox/windowed.search.js';
import { checkActionFilter, conditionsOf, toAction, type Action, type ActionFilter } from './actions.js';
import { textOf } from './contents.view.js';
import { DeliveryReader } from './delivery.reader.js';
import type { DeliverySummary } from './delivery.view.js';
import { toSummary as toRejection, type RejectionSummary } from './rejection.view.js';

/** Most rejections of a session, and rows of a kind that are found by an identifier. */
const MAX_FOUND = 20;

/** Bounds of what an operator asks of the database. */
export interface ReadBounds {
  /** Most rows to return. */
  readonly limit: number;
  /** Most rows to look at; undefined for the default of the database. */
  readonly scan: number | undefined;
  readonly timeoutMs: number;
}

/** Failure of a handler. */
export interface Failure {
  readonly handler: string;
  readonly attempt: number;
  readonly error: string | null;
  readonly at: number;
}

/** Row of a list, with the newest failure of a handler that has not completed. */
export interface ListedDelivery {
  readonly summary: DeliverySummary;
  readonly failure: Failure | null;
}

/** Rows with an identifier. */
export interface Identified {
  readonly deliveries: ListedDelivery[];
  readonly rejections: RejectionSummary[];
}

/** Finds deliveries and rejections for operators, within bounds, and only of the tenants that they may see. */
@Injectable()
export class InboxSearch {
  constructor(
    private readonly searches: DeliverySearches,
    private readonly searchQueries: DeliverySearchQueries,
    private readonly lookup: DeliveryLookupQueries,
    private readonly keys: ReferenceKeys,
    private readonly rejectionSearch: RejectionSearchQueries,
    private readonly rejectionQueries: RejectionQueries,
    private readonly actionRepository: ActionRepository,
    private readonly runs: HandlerRunRepository,
    private readonly reader: DeliveryReader,
    private readonly codec: PayloadCodec,
    private readonly connection: DatabaseConnection,
  ) {}

  async deliveries(
    search: DeliverySearch,
    after: Place | undefined,
    bounds: ReadBounds,
  ): Promise<Found<ListedDelivery>> {
    const { limit, timeoutMs } = bounds;
    const found = await this.searches.list(search, after, { limit, scan: this.scanOf(bounds) }, timeoutMs);
    return { ...found, items: await this.listed(found.items) };
  }

  /** Returns the time at which the newest delivery was received; null without one. */
  newestReceivedAt(timeoutMs: number): Promise<number | null> {
    return this.searchQueries.newestReceivedAt(timeoutMs);
  }

  async rejections(
    search: RejectionSearch,
    after: Place | undefined,
    bounds: ReadBounds,
  ): Promise<Found<RejectionSummary>> {
    const { limit, timeoutMs } = bounds;
    if (search.tenants?.length === 0) return { items: [], last: undefined, rows: 0, isEnd: true };
    const within = { limit, scan: this.scanOf(bounds) };
    const found = await this.rejectionSearch.list(search, after, within, timeoutMs);
    return { ...found, items: await this.rejectionsOf(found.items) };
  }

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  async actions(
    filter: Omit<ActionFilter, 'before' | 'limit'>,
    after: Place | undefined,
    bounds: ReadBounds,
  ): Promise<Found<Action>> {
    checkActionFilter(filter, '');
    const { limit, timeoutMs } = bounds;
    const within = { limit, scan: this.scanOf(bounds) };
    const found = await this.actionRepository.search(conditionsOf(filter), after, within, timeoutMs);
    return { ...found, items: found.items.map(toAction) };
  }

  /** Returns a delivery of these tenants, or null. */
  async delivery(
    id: string,
    tenants: readonly string[] | undefined,
    timeoutMs: number,
  ): Promise<(ListedDelivery & { readonly idempotencyKey: string }) | null> {
    const record = await this.lookup.byId(id, tenants, timeoutMs);
    if (!record) return null;
    const [listed] = await this.listed([record]);
    return listed ? { ...listed, idempotencyKey: record.idempotencyKey } : null;
  }

  /** Returns a rejection of these tenants, or null. */
  async rejection(
    id: string,
    tenants: readonly string[] | undefined,
    timeoutMs: number,
  ): Promise<RejectionSummary | null> {
    const found = await this.rejectionSearch.findBy('id', [id], { tenants, most: 1 }, timeoutMs);
    const [rejection] = await this.rejectionsOf(found);
    return rejection ?? null;
  }

  /** Returns the rejections of a session, newest first. */
  async rejectionsOfSession(key: string, timeoutMs: number): Promise<RejectionSummary[]> {
    const bounds = { tenants: undefined, most: MAX_FOUND };
    return this.rejectionsOf(await this.rejectionSearch.findBy('session_key', [key], bounds, timeoutMs));
  }

  /** Returns the delivery that stands for a session, or null. */
  async standing(tenant: string, sessionId: string, timeoutMs: number): Promise<ListedDelivery | null> {
    const records = await this.lookup.byKeys([idempotencyKey(tenant, sessionId)], [tenant], timeoutMs);
    const [listed] = await this.listed(records);
    return listed ?? null;
  }

  /** Lists the tenants that an operator may see. */
  async tenants(only: readonly string[] | undefined, timeoutMs: number): Promise<readonly string[]> {
    return only ?? this.lookup.tenants(timeoutMs);
  }

  /**
   * Finds what has exactly this id, session or reference: up to 20 deliveries and as many rejections. In a sealed
   * inbox, references are not found of tenants whose keys cannot be had.
   *
   * @param isNamed true if a tenant was asked for, which must then be searched
   * @throws Cr3dentialsWebhookError `KEYS_UNAVAILABLE` if nothing was found, or a tenant is named, and not all could be
   *   searched
   */
  async identify(
    value: string,
    { tenants, isNamed }: { tenants: readonly string[] | undefined; isNamed: boolean },
    timeoutMs: number,
  ): Promise<Identified> {
    const among = await this.tenants(tenants, timeoutMs);
    const failure = await (isNamed ? this.keys.open(among, timeoutMs) : this.keys.openSealed(among, timeoutMs));
    if (failure && isNamed) throw failure;
    const found = await this.found(value, { tenants, among }, timeoutMs);
    if (failure && found.deliveries.length + found.rejections.length === 0) throw failure;
    return found;
  }

  private async found(
    value: string,
    { tenants, among }: { tenants: readonly string[] | undefined; among: readonly string[] },
    timeoutMs: number,
  ): Promise<Identified> {
    const bounds = { tenants, among, most: MAX_FOUND };
    const keys = among.map((tenant) => idempotencyKey(tenant, value));
    const id = isRecordId(value) ? value.toLowerCase() : undefined;
    const byId = id === undefined ? null : await this.lookup.byId(id, tenants, timeoutMs);
    const records = [
      ...(byId ? [byId] : []),
      ...(await this.lookup.byKeys(keys, tenants, timeoutMs)),
      ...(await this.lookup.byReference(value, bounds, timeoutMs)),
    ];
    const references = among.flatMap((tenant) => this.rejectionReferences(tenant, value));
    const rejections = [
      ...(id === undefined ? [] : await this.rejectionSearch.findBy('id', [id], bounds, timeoutMs)),
      ...(await this.rejectionSearch.findBy('session_key', keys, bounds, timeoutMs)),
      ...(await this.rejectionSearch.findBy('reference_key', references, bounds, timeoutMs)),
    ];
    return {
      deliveries: await this.listed(firstOf(records)),
      rejections: await this.rejectionsOf(firstOf(rejections)),
    };
  }

  private rejectionReferences(tenant: string, reference: string): string[] {
    const keyed = this.codec.keyedHash(tenant, 'reference', reference);
    return [plainReferenceKey(tenant, reference), ...(keyed === undefined ? [] : [keyed])];
  }

  private scanOf({ scan }: ReadBounds): number {
    return scan ?? (this.connection.dialect.isServer ? 20_000 : 2_000);
  }

  private async listed(records: readonly DeliveryRecord[]): Promise<ListedDelivery[]> {
    const runs = await this.runs.findByDeliveries(records.map(({ id }) => id));
    return Promise.all(
      records.map(async (record) => ({
        summary: this.reader.summaryOf(record),
        failure: await this.newestFailure(record.tenant, runs.get(record.id) ?? []),
      })),
    );
  }

  private async newestFailure(tenant: string, runs: readonly HandlerRun[]): Promise<Failure | null> {
    const [run] = runs
      .filter(({ state, lastError }) => state !== 'completed' && lastError !== null)
      .toSorted((a, b) => b.updatedAt - a.updatedAt);
    if (!run?.lastError) return null;
    const { deliveryId, handler, attempts: attempt, updatedAt: at, lastError } = run;
    const error = textOf(await this.codec.decode(lastError, runErrorPlace(deliveryId, handler, tenant)));
    return { handler, attempt, error, at };
  }

  private async rejectionsOf(records: readonly RejectionRecord[]): Promise<RejectionSummary[]> {
    return Promise.all(
      records.map(async (record) => toRejection(record, await this.rejectionQueries.detailOf(record))),
    );
  }
}

/** Returns the newest, each once. */
function firstOf<R extends { readonly id: string }>(records: readonly R[]): R[] {
  const byId = new Map(records.map((record) => [record.id, record]));
  return [...byId.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, MAX_FOUND);
}
