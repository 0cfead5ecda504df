import { Injectable } from '@nestjs/common';
import type { HandlerRun } from '../inbox/handler-run.entity.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import type { DeliveryRecord } from '../inbox/delivery-record.queries.js';
import { InboxQueries } from '../inbox/inbox.queries.js';
import { PayloadCodec, runErrorPlace } from '../inbox/payload.codec.js';
import { contentsOf, textOf, type ContentsState } from './contents.view.js';
import {
  printedOfDelivery,
  referenceIn,
  runFields,
  toSummary,
  type DeliveryDetails,
  type DeliverySummary,
  type HandlerRunDetails,
} from './delivery.view.js';
import { pick } from './pick.js';
import { printOnly } from '../instrumentation/print-only.js';

/** Makes read models of deliveries. What does not open is null in them. */
@Injectable()
export class DeliveryReader {
  constructor(
    private readonly queries: InboxQueries,
    private readonly runs: HandlerRunRepository,
    private readonly codec: PayloadCodec,
  ) {}

  async find(key: string | { sessionId: string; tenant?: string }): Promise<DeliveryDetails | null> {
    const found = await this.queries.find(key);
    if (!found) return null;
    const { record, body } = found;
    const { id, idempotencyKey, tenant, purgedAt } = record;
    const rawBody = purgedAt === null ? textOf(body) : null;
    const runs = (await this.runs.findByDeliveries([id])).get(id) ?? [];
    const details = {
      ...toSummary(record, purgedAt === null ? contentsOf(body) : this.contentsIn(record)),
      externalReferenceId: record.keyId === null ? record.externalReferenceId : referenceIn(rawBody),
      idempotencyKey,
      rawBody,
      runs: await Promise.all(runs.map((run) => this.toRunDetails(run, tenant))),
    };
    return printOnly(details, printedOfDelivery, 'Delivery');
  }

  /** Returns what a list shows of a delivery. Its contents are not opened. */
  summaryOf(record: DeliveryRecord): DeliverySummary {
    return printOnly(toSummary(record, this.contentsIn(record)), printedOfDelivery, 'Delivery');
  }

  async *summariesOf(pages: AsyncIterable<readonly DeliveryRecord[]>): AsyncGenerator<DeliverySummary> {
    for await (const page of pages) yield* page.map((record) => this.summaryOf(record));
  }

  private contentsIn({ keyId, purgedAt, state }: DeliveryRecord): ContentsState {
    if (state === 'erased') return 'erased';
    if (purgedAt !== null) return 'purged';
    if (this.codec.mayOpen(keyId)) return 'readable';
    return keyId === null ? 'broken' : 'key-missing';
  }

  private async toRunDetails(run: HandlerRun, tenant: string): Promise<HandlerRunDetails> {
    const { deliveryId, handler, lastError } = run;
    const place = runErrorPlace(deliveryId, handler, tenant);
    const opened = lastError && textOf(await this.codec.decode(lastError, place));
    return printOnly({ ...pick(run, runFields), lastError: opened }, ['handler', 'state', 'attempts'], 'HandlerRun');
  }
}
