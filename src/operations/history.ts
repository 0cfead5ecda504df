import { Injectable } from '@nestjs/common';
import type { AttemptRow } from '../inbox/attempt.entity.js';
import { AttemptRepository } from '../inbox/attempt.repository.js';
import { InboxQueries } from '../inbox/inbox.queries.js';
import { PayloadCodec, runErrorPlace } from '../inbox/payload.codec.js';
import { printOnly } from '../instrumentation/print-only.js';
import type { Attempt } from './attempt.view.js';
import { textOf } from './contents.view.js';
import { TallyReader } from './tally.reader.js';
import type { Tallies, TallyQuery } from './tally.view.js';

/**
 * What was kept of the past.
 *
 * @publicApi
 */
@Injectable()
export class History {
  constructor(
    private readonly repository: AttemptRepository,
    private readonly queries: InboxQueries,
    private readonly codec: PayloadCodec,
    private readonly tallyReader: TallyReader,
  ) {}

  /**
   * Lists the attempts of a delivery that are kept, oldest first: the newest 50 of each handler. Empty for an unknown
   * delivery, and for one whose handlers have completed at once.
   */
  async attempts(deliveryId: string): Promise<Attempt[]> {
    const rows = await this.repository.list(deliveryId);
    if (rows.length === 0) return [];
    const tenant = await this.queries.tenantOf(deliveryId);
    return Promise.all(rows.map((row) => this.toAttempt(row, tenant)));
  }

  /**
   * Returns numbers over time, of all instances together. Those of the last seconds may be missing.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the query is wrong, or has more than 400 points
   */
  tallies(query: TallyQuery): Promise<Tallies> {
    return this.tallyReader.read(query);
  }

  private async toAttempt({ deliveryId, error, outcome, ...row }: AttemptRow, tenant: string): Promise<Attempt> {
    const opened = error && textOf(await this.codec.decode(error, runErrorPlace(deliveryId, row.handler, tenant)));
    const attempt = { ...row, outcome: outcome as Attempt['outcome'], error: opened };
    return printOnly(attempt, ['handler', 'attempt', 'outcome'], 'Attempt');
  }
}
