import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { DeliveryRecord } from '../inbox/delivery-record.queries.js';
import { SelectionCountQueries, type SelectedGroup } from '../inbox/selection-counts.queries.js';
import { SelectionQueries } from '../inbox/selection.queries.js';
import { MAX_COUNTED } from './bulk.checks.js';
import type { BulkGroup, BulkPreview, BulkRequest, StoredSelection } from './bulk.view.js';
import { storedSelection } from './bulk.record.js';
import { DeliveryReader } from './delivery.reader.js';
import { HandlerCatalogue } from './handler.catalogue.js';

const MAX_EXAMPLES = 5;
const MAX_GROUPS = 100;

type Groups = Map<string, Pick<BulkGroup, 'handler' | 'reason'> & { count: number }>;

/** Counts what a bulk operation would do. */
@Injectable()
export class BulkPreviewer {
  constructor(
    private readonly counts: SelectionCountQueries,
    private readonly selections: SelectionQueries,
    private readonly reader: DeliveryReader,
    private readonly handlers: HandlerCatalogue,
    private readonly clock: Clock,
  ) {}

  async preview({ selection: given }: BulkRequest): Promise<BulkPreview> {
    const asOf = this.clock.now();
    const selection = storedSelection(given, asOf);
    const sums: Groups = new Map();
    const first: DeliveryRecord[] = [];
    let [count, last]: [number, readonly string[]] = [0, []];
    for await (const { ids, groups } of this.windows(selection, asOf)) {
      for (const group of groups) add(sums, group);
      count += ownOf(groups);
      if (groups.length > 0) last = ids;
      if (groups.length > 0 && first.length < MAX_EXAMPLES)
        first.push(...(await this.selections.selectedAmong(ids, selection, asOf)).toReversed());
    }
    const newest = await this.selections.selectedAmong(last, selection, asOf);
    return {
      asOf,
      count: Math.min(count, MAX_COUNTED),
      isCapped: count > MAX_COUNTED,
      groups: await this.groupsOf(sums),
      oldestReceivedAt: timesOf(first)[0] ?? null,
      newestReceivedAt: timesOf(newest).at(-1) ?? null,
      examples: first.slice(0, MAX_EXAMPLES).map((record) => this.reader.summaryOf(record)),
    };
  }

  /** Counts what is selected as of a time. Stops above the number that can be started at most. */
  async count(selection: StoredSelection, asOf: number): Promise<number> {
    let count = 0;
    for await (const { groups } of this.windows(selection, asOf)) count += ownOf(groups);
    return count;
  }

  /** Yields the groups of each window, until they are more than can be started. */
  private async *windows(selection: StoredSelection, asOf: number) {
    let left = MAX_COUNTED;
    for await (const window of this.counts.windows(selection, asOf)) {
      yield window;
      left -= ownOf(window.groups);
      if (left < 0) return;
    }
  }

  private async groupsOf(groups: Groups): Promise<BulkGroup[]> {
    const known = await this.handlers.all();
    const largest = [...groups.values()].toSorted((one, other) => other.count - one.count).slice(0, MAX_GROUPS);
    return largest.map((group) => ({
      ...group,
      isTransactional: known.get(group.handler ?? '')?.isTransactional ?? null,
    }));
  }
}

/** Returns the times of receipt, the first one first. Ids are in the order of other clocks, and so nearly in this one. */
function timesOf(records: readonly DeliveryRecord[]): number[] {
  return records.map(({ receivedAt }) => receivedAt).toSorted((one, other) => one - other);
}

function ownOf(groups: readonly SelectedGroup[]): number {
  return groups.reduce((sum, { own }) => sum + own, 0);
}

function add(sums: Groups, { handler, reason, count }: SelectedGroup): void {
  const facts = { handler, reason };
  const sum = sums.get(JSON.stringify(facts)) ?? { ...facts, count: 0 };
  sum.count += count;
  sums.set(JSON.stringify(facts), sum);
}
