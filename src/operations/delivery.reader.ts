import { Injectable } from '@nestjs/common';
import type { HandlerRun } from '../inbox/handler-run.entity.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import { InboxQueries, type DeliveryRecord } from '../inbox/inbox.queries.js';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { contentsOf, textOf, type Contents } from './contents.view.js';
import {
  referenceIn,
  runFields,
  toSummary,
  type DeliveryDetails,
  type DeliverySummary,
  type HandlerRunDetails,
} from './delivery.view.js';
import { pick } from './pick.js';

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
    return {
      ...toSummary(record, purgedAt === null ? contentsOf(body) : 'purged'),
      externalReferenceId: record.keyId === null ? record.externalReferenceId : referenceIn(rawBody),
      idempotencyKey,
      rawBody,
      runs: await Promise.all(runs.map((run) => this.toRunDetails(run, tenant))),
    };
  }

  /** Returns what a list shows of a delivery. Its contents are not opened. */
  summaryOf(record: DeliveryRecord): DeliverySummary {
    return toSummary(record, this.contentsIn(record));
  }

  async *summariesOf(pages: AsyncIterable<readonly DeliveryRecord[]>): AsyncGenerator<DeliverySummary> {
    for await (const page of pages) yield* page.map((record) => this.summaryOf(record));
  }

  private contentsIn({ keyId, purgedAt }: DeliveryRecord): Contents {
    if (purgedAt !== null) return 'purged';
    if (this.codec.mayOpen(keyId)) return 'readable';
    return keyId === null ? 'broken' : 'key-missing';
  }

  private async toRunDetails(run: HandlerRun, tenant: string): Promise<HandlerRunDetails> {
    const { deliveryId, handler, lastError } = run;
    const place = { column: 'handler_run.last_error', row: `${deliveryId}/${handler}`, tenant } as const;
    return { ...pick(run, runFields), lastError: lastError && textOf(await this.codec.decode(lastError, place)) };
  }
}
