import { Option, type Command } from 'commander';
import { maskId } from '../operations/contents.mask.js';
import type { RejectionSummary } from '../operations/rejection.view.js';
import { wholeFrom } from './arguments.js';
import { factsTable, rowsTable } from './tables.js';
import { print, addSharedOptions, withInbox, type Shared } from './with-inbox.js';
import { addOperatorOptions, actionOptionsOf, type Acting } from './operator.js';
import { UsageError } from './usage.error.js';

interface Listing extends Shared {
  limit: number;
}

interface RejectionListing extends Listing {
  state: 'open' | 'accepted' | 'discarded';
}

/** Adds `inbox rejections`, which decides on POSTs that were kept as rejections. */
export function addRejectionCommands(inbox: Command): void {
  // Only the app can accept one: it has the classes of `extractedData`, and the keys.
  const rejections = inbox.command('rejections').description('POSTs that were kept as rejections');
  addSharedOptions(rejections.command('list', { isDefault: true }).description('list rejections, newest first'))
    .addOption(
      new Option('--state <state>', 'only in this state').choices(['open', 'accepted', 'discarded']).default('open'),
    )
    .option('--limit <n>', 'maximum number of rows', wholeFrom(1), 50)
    .action(listRejections);
  addSharedOptions(
    rejections.command('show').argument('<id>', 'id of a rejection').description('show why it was rejected'),
  ).action(showRejection);
  addOperatorOptions(addSharedOptions(rejections.command('discard').argument('<ids...>', 'ids of rejections')))
    .description('mark open rejections as needing nothing')
    .action(discardRejections);
}

function listRejections({ state, limit, ...options }: RejectionListing): Promise<void> {
  return withInbox(options, async (inbox) => {
    const rows = (await inbox.rejections.list({ state, limit })).map(masked);
    print(rows, () => rowsTable(['id', 'reason', 'sessionId', 'repeats', 'lastReceivedAt'], rows), options);
    if (rows.length === 0) process.exitCode = 1;
  });
}

function showRejection(id: string, options: Shared): Promise<void> {
  return withInbox(options, async (inbox) => {
    const found = await inbox.rejections.find(id);
    if (!found) throw new UsageError('No rejection has this id.');
    const { rawBody: _, ...facts } = masked(found);
    print(facts, () => factsTable(facts), options);
  });
}

function discardRejections(ids: readonly string[], options: Shared & Acting): Promise<void> {
  return withInbox(options, async (inbox) => {
    const results: Record<string, string> = {};
    for (const id of ids)
      results[id] = (await inbox.rejections.discard(id, actionOptionsOf(options))) ? 'discarded' : 'not open';
    print(results, () => factsTable(results), options);
    if (Object.values(results).includes('not open')) process.exitCode = 1;
  });
}

function masked<R extends RejectionSummary>(row: R): R {
  return { ...row, sessionId: row.sessionId && maskId(row.sessionId) };
}
