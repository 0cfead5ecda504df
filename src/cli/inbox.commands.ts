import { Option, type Command } from 'commander';
import type { Clock } from '../clock.js';
import type { BulkSelection } from '../operations/bulk.js';
import type { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import { duration, positive, wholeFrom } from './arguments.js';
import { deliveryTable, factsTable, type Row } from './delivery.table.js';
import { openInbox } from './inbox.connection.js';
import { Progress } from './progress.js';
import { UsageError } from './usage.error.js';

interface Shared {
  dataSource?: string;
  json?: true;
}

interface Conditions extends Shared, Pick<BulkSelection, 'status' | 'tenant' | 'handler' | 'error'> {
  state?: BulkSelection['state'];
  since?: number;
}

interface Listing extends Conditions {
  limit: number;
}

interface Bulk extends Conditions {
  rate?: number;
  yes?: true;
}

const EXAMPLES = `
Examples:
  What is broken:
    $ npx nestjs-cr3dentials-webhook inbox stats
    $ npx nestjs-cr3dentials-webhook inbox list --state dead --since 24h

  One delivery, with the errors of its handlers:
    $ npx nestjs-cr3dentials-webhook inbox show 0198c1f0-7a3b-7c11-9a55-000000000000

  All dead letters of one handler again, 50 a second:
    $ npx nestjs-cr3dentials-webhook inbox replay --state dead --handler ledger.book --rate 50 --yes

No output has bodies or references. Exit codes: 0 done, 1 nothing or not all of it, 2 wrong arguments.`;

/** Adds the commands of an operator: `inbox stats`, `list`, `show`, `replay` and `discard`. */
export function addInboxCommands(root: Command): void {
  const inbox = root
    .command('inbox')
    .description('operates the inbox in its database, also while the app is down')
    .addHelpText('after', EXAMPLES);
  shared(inbox.command('stats').description('count deliveries by state')).action(stats);
  conditions(shared(inbox.command('list').description('list deliveries, newest first')))
    .option('--limit <n>', 'most rows', wholeFrom(1), 50)
    .action(list);
  shared(inbox.command('show').argument('<id>', 'id of a delivery, or its session'))
    .description('show a delivery and its handlers')
    .option('--tenant <tenant>', 'tenant of the session')
    .action(show);
  for (const deed of ['replay', 'discard'] as const)
    conditions(shared(inbox.command(deed).argument('[ids...]', 'ids of deliveries; or --state and conditions')))
      .description(deed === 'replay' ? 'make deliveries due again' : 'end deliveries that need no processing')
      .option('--rate <n>', 'most deliveries per second (default: no limit)', positive)
      .option('--yes', 'do it; without it, selected deliveries are only counted')
      .action((ids: string[], options: Bulk) => (ids.length > 0 ? each(deed, ids, options) : all(deed, options)));
}

function shared(command: Command): Command {
  return command
    .option('--data-source <file>', 'compiled file that exports the DataSource (default: dist/data-source.js)')
    .option('--json', 'print JSON');
}

function conditions(command: Command): Command {
  const states = ['pending', 'processing', 'completed', 'dead', 'unhandled', 'discarded'];
  return command
    .addOption(new Option('--state <state>', 'only in this state').choices(states))
    .option('--status <status>', 'only with this status')
    .option('--tenant <tenant>', 'only of this tenant')
    .option('--handler <id>', 'only where this handler has failed')
    .option('--error <text>', 'only where the last error has this text')
    .option('--since <time>', 'only received within this time, such as 24h', duration);
}

/** Opens the inbox, and closes it whatever happens. */
async function withInbox(
  options: Shared,
  work: (inbox: Cr3dentialsWebhookInbox, clock: Clock) => Promise<void>,
): Promise<void> {
  const { inbox, clock, close } = await openInbox(options.dataSource);
  await work(inbox, clock).finally(close);
}

function print(value: unknown, asText: () => string, { json }: Shared): void {
  process.stdout.write(`${json ? JSON.stringify(value) : asText()}\n`);
}

function selectionOf(
  { state, status, tenant, handler, error, since }: Conditions,
  clock: Clock,
): Partial<BulkSelection> {
  const given = { state, status, tenant, handler, error };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(since !== undefined && { receivedBetween: [clock.now() - since, clock.now() + 60_000] }),
  };
}

function stats(options: Shared): Promise<void> {
  return withInbox(options, async (inbox) => {
    const { refused: _, secrets: _s, unreadable: _u, retention: _r, ...counts } = await inbox.stats(); // of this process
    print(counts, () => factsTable(counts), options);
  });
}

function list(options: Listing): Promise<void> {
  return withInbox(options, async (inbox, clock) => {
    const rows: Row[] = [];
    for await (const { externalReferenceId: _, ...row } of inbox.each(selectionOf(options, clock)))
      if (rows.push(row) >= options.limit) break;
    print(rows, () => deliveryTable(rows), options);
    if (rows.length === 0) process.exitCode = 1;
  });
}

function show(id: string, options: Shared & { tenant?: string }): Promise<void> {
  return withInbox(options, async (inbox) => {
    const { tenant } = options;
    const found =
      (await inbox.find(id)) ?? (await inbox.find({ sessionId: id, ...(tenant !== undefined && { tenant }) }));
    if (!found) throw new UsageError('No delivery has this id or session. A session of a tenant needs --tenant.');
    const { rawBody: _, externalReferenceId: _r, runs, ...facts } = found;
    print(
      { ...facts, runs },
      () => [factsTable(facts), ...runs.map((run) => factsTable({ ...run }))].join('\n'),
      options,
    );
  });
}

function each(deed: 'replay' | 'discard', ids: readonly string[], options: Shared): Promise<void> {
  return withInbox(options, async (inbox) => {
    const results: Record<string, string> = {};
    for (const id of ids) results[id] = await inbox[deed](id);
    print(results, () => factsTable(results), options);
    if (Object.values(results).some((result) => result !== `${deed}ed`)) process.exitCode = 1;
  });
}

function all(deed: 'replay' | 'discard', options: Bulk): Promise<void> {
  if (options.state === undefined) throw new UsageError('Name deliveries by their ids, or select them with --state.');
  return withInbox(options, async (inbox, clock) => {
    const selection = selectionOf(options, clock) as BulkSelection;
    let matched = 0;
    for await (const _ of inbox.each(selection)) matched++;
    if (!options.yes || matched === 0) {
      print({ matched }, () => `${matched} selected. Nothing was done${matched > 0 ? ': add --yes' : ''}.`, options);
      process.exitCode = 1;
      return;
    }
    const progress = new Progress(process.stderr, matched);
    const onProgress = () => progress.advance();
    const pace = { onProgress, ...(options.rate !== undefined && { perSecond: options.rate }) };
    const done = await (
      deed === 'replay' ? inbox.replayAll(selection, pace) : inbox.discardAll(selection, pace)
    ).finally(() => progress.stop());
    print(done, () => factsTable(done), options);
    if ((done as Record<string, number>)[`${deed}ed`] !== done.matched) process.exitCode = 1;
  });
}
