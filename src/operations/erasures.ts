import { Injectable } from '@nestjs/common';
import { anything, boolean, fields, invalid, listOf, oneOf, whole } from '../option.checks.js';
import type { Erasure, ErasureRecord } from '../retention/erasure.js';
import { checkNote, checkRecordId, checkReapplyOptions, checkSessionKey } from '../retention/erasure.options.js';
import { ErasureRepository } from '../retention/erasure.repository.js';
import { DEFAULT_WAIT_MS, Eraser } from '../retention/eraser.js';

/**
 * Conditions on the erasures of a list.
 *
 * @publicApi
 */
export interface ErasureFilter {
  /** Id of an erasure: only those asked for before it. Pass the last id of a page for the next one. */
  before?: string;
  /** Most erasures to return, up to 1000. @default 50 */
  limit?: number;
}

const checkFilter = fields({ before: checkRecordId, limit: whole(1, 1_000) });

const orNull =
  (check: typeof checkNote): typeof checkNote =>
  (value, name, known) => {
    if (value !== null) check(value, name, known);
  };

const tenant = orNull((value, name) => {
  if (typeof value !== 'string') throw invalid(`Option "${name}" must be a string.`);
});

const recordFields = {
  id: checkRecordId,
  kind: oneOf('session', 'reference', 'tenant', 'rejection'),
  tenant,
  sessionKeys: listOf(checkSessionKey),
  rejectionIds: listOf(checkRecordId),
  reason: orNull(checkNote),
  requestedBy: orNull(checkNote),
  shred: boolean,
  requestedAt: whole(0, Number.MAX_SAFE_INTEGER),
};
/** The others say how it went, and are counted again. */
const REPORTED = ['unsearchable', 'state', 'deliveries', 'rejections', 'unprocessed', 'interrupted'];
const TIMES = ['finishedAt', 'sweepAfter', 'sweptAt'];
const checkRecord = fields({
  ...recordFields,
  ...Object.fromEntries([...REPORTED, ...TIMES].map((name) => [name, anything])),
});

/**
 * Records of erasures.
 *
 * @publicApi
 */
@Injectable()
export class Erasures {
  constructor(
    private readonly repository: ErasureRepository,
    private readonly eraser: Eraser,
  ) {}

  /**
   * Lists erasures, newest first. Returns at most 50 unless `limit` is given.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the filter is wrong
   */
  list(filter: ErasureFilter = {}): Promise<Erasure[]> {
    checkFilter(filter, '');
    return this.repository.list(filter.before, filter.limit ?? 50);
  }

  /**
   * Erases again what the records name, after a restore of an older backup: pass what `erase()` or `list()` has
   * returned, from where you have kept it. It can be repeated. Of a tenant, what was received after the request is
   * left.
   *
   * @param options `wait` as `erase()` has it
   * @returns the records as they are now, in the same order
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when something is no record; nothing is erased then
   */
  async reapply(records: readonly Erasure[], options: { wait?: number } = {}): Promise<Erasure[]> {
    checkReapplyOptions(options, '');
    listOf(checkRecord)(records, 'records');
    for (const [index, record] of records.entries()) {
      const missing = Object.keys(recordFields).find((name) => record[name as keyof Erasure] === undefined);
      if (missing !== undefined) throw invalid(`Option "records[${index}].${missing}" is missing. Pass whole records.`);
      if (record.shred) this.eraser.assertCanShred(record.kind === 'tenant');
    }
    const erased: Erasure[] = [];
    for (const record of records as ErasureRecord[])
      erased.push(await this.eraser.reapply(record, options.wait ?? DEFAULT_WAIT_MS));
    return erased;
  }
}
