import { Option, type Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BulkSelection } from '../operations/bulk.view.js';
import type { BulkAction, BulkOperation, BulkPreview } from '../operations/bulk.view.js';
import type { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import { positive, shareOf, wholeFrom } from './arguments.js';
import { printableJson } from './printable.js';
import { factsTable, rowsTable } from './tables.js';
import { print, addSharedOptions, withInbox, type Shared } from './with-inbox.js';
import { addOperatorOptions, actionOptionsOf, type Acting } from './operator.js';
import { Progress } from './progress.js';
import { repeat } from './repeat.js';
import { UsageError } from './usage.error.js';

const POLL_INTERVAL_MS = 500;

/** How a bulk operation is started. */
export interface Starting extends Shared, Acting {
  rate?: number;
  pauseAt?: number;
  yes?: true;
  wait?: true;
}

interface Listing extends Shared {
  state?: BulkOperation['state'];
  limit: number;
}

/** Adds the options of a bulk operation to `replay` and `discard`. */
export function addStartOptions(command: Command): Command {
  return command
    .option('--rate <n>', 'most deliveries per second (default: 20)', positive)
    .option('--pause-at <share>', 'pause when more than this share is dead again (default: 0.2)', shareOf)
    .option('--yes', 'do it; without it, selected deliveries are counted, and on a terminal you are asked')
    .option('--wait', 'wait until it has ended or is paused');
}

/** Adds `inbox bulk`, which shows and steers what instances carry out. */
export function addBulkCommands(inbox: Command): void {
  const bulk = inbox.command('bulk').description('bulk operations, which instances of the app carry out');
  addSharedOptions(bulk.command('list', { isDefault: true }).description('list bulk operations, newest first'))
    .addOption(
      new Option('--state <state>', 'only in this state').choices(['running', 'paused', 'completed', 'cancelled']),
    )
    .option('--limit <n>', 'most rows', wholeFrom(1), 20)
    .action(list);
  const one = (name: string, about: string) =>
    addSharedOptions(bulk.command(name).argument('<id>', 'id of a bulk operation').description(about));
  one('show', 'show a bulk operation').action(show);
  one('watch', 'show it every 2 s until it has ended').action(watch);
  addOperatorOptions(one('pause', 'pause it after the deliveries at hand')).action(change('pause'));
  addOperatorOptions(one('cancel', 'end it; what was done stays done')).action(change('cancel'));
  addOperatorOptions(one('resume', 'go on with it'))
    .option('--rate <n>', 'most deliveries per second from now on', positive)
    .option('--pause-at <share>', 'share of dead again at which it pauses, from now on', shareOf)
    .action(change('resume'));
}

/** Shows what would be done. Does it if the user has said so, or types the number. */
export async function startBulk(
  inbox: Cr3dentialsWebhookInbox,
  request: { action: BulkAction; selection: BulkSelection },
  options: Starting,
): Promise<void> {
  const preview = await inbox.bulk.preview(request);
  const { count, asOf } = preview;
  const isMeant = count > 0 && (options.yes ?? (await isConfirmed(request.action, preview, options)));
  if (!isMeant) {
    process.exitCode = 1;
    const hint = count > 0 ? ': add --yes' : '';
    print({ matched: count }, () => `${count} selected. Nothing was done${hint}.`, options);
    return;
  }
  const { rate, pauseAt } = options;
  const pace = { ...(rate !== undefined && { rate }), ...(pauseAt !== undefined && { pauseAt }) };
  const started = await inbox.bulk.start({ ...request, ...pace, ...actionOptionsOf(options), asOf, expected: count });
  if (options.wait) await hintAtInstances(inbox); // it would wait for ever, and not say why
  const operation = options.wait ? await ended(inbox, started) : started;
  print(operation, () => textOf(operation), options);
  if (!options.wait) await hintAtInstances(inbox);
  else if (operation.state !== 'completed' || operation.skipped > 0) process.exitCode = 1;
}

async function isConfirmed(action: BulkAction, { count, groups }: BulkPreview, { json }: Shared): Promise<boolean> {
  if (json || !process.stdin.isTTY || !process.stdout.isTTY) return false;
  process.stdout.write(`${rowsTable(['count', 'handler', 'reason', 'isTransactional'], groups)}\n`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Type ${count} to ${action} as many deliveries: `);
  terminal.close();
  return answer.trim() === String(count);
}

async function ended(inbox: Cr3dentialsWebhookInbox, started: BulkOperation): Promise<BulkOperation> {
  const progress = new Progress(process.stderr, started.expected);
  try {
    for (let operation = started, told = 0; ;) {
      for (; told < operation.done + operation.skipped; told++) progress.advance();
      if (operation.state !== 'running') return operation;
      await sleep(POLL_INTERVAL_MS);
      operation = (await inbox.bulk.get(started.id)) ?? operation;
    }
  } finally {
    progress.stop();
  }
}

/** Nobody may be there to carry it out. */
async function hintAtInstances({ monitor }: Cr3dentialsWebhookInbox): Promise<void> {
  const instances = await monitor.instances();
  if (instances.some(({ state, processes }) => state === 'live' && processes)) return;
  process.stderr.write('No live instance that processes is known. It begins when one starts.\n');
}

function list({ state, limit, ...options }: Listing): Promise<void> {
  return withInbox(options, async ({ bulk }) => {
    const rows = await bulk.list({ limit, ...(state !== undefined && { state }) });
    print(rows, () => rowsTable(['id', 'action', 'state', 'expected', 'done', 'skipped', 'startedAt'], rows), options);
    if (rows.length === 0) process.exitCode = 1;
  });
}

function show(id: string, options: Shared): Promise<void> {
  return withInbox(options, async (inbox) => {
    const operation = await find(inbox, id);
    print(operation, () => textOf(operation), options);
  });
}

function watch(id: string, options: Shared): Promise<void> {
  return withInbox(options, (inbox) =>
    repeat(async () => {
      const operation = await find(inbox, id);
      const text = options.json ? printableJson(operation) : textOf(operation);
      return { text, isLast: operation.state !== 'running' };
    }),
  );
}

function change(deed: 'pause' | 'resume' | 'cancel') {
  return (id: string, { rate, pauseAt, ...options }: Starting): Promise<void> =>
    withInbox(options, async ({ bulk }) => {
      const pace = { ...(rate !== undefined && { rate }), ...(pauseAt !== undefined && { pauseAt }) };
      const how = { ...actionOptionsOf(options), ...(deed === 'resume' && pace) };
      const changed = await bulk[deed](id, how);
      if (!changed) throw unknown();
      print(changed, () => textOf(changed.operation), options);
      if (!changed.isChanged) process.exitCode = 1;
    });
}

async function find({ bulk }: Cr3dentialsWebhookInbox, id: string): Promise<BulkOperation> {
  const operation = await bulk.get(id);
  if (!operation) throw unknown();
  return operation;
}

function unknown(): UsageError {
  return new UsageError('No bulk operation has this id.');
}

function textOf({ selection, ...facts }: BulkOperation): string {
  return factsTable({ ...facts, selection: JSON.stringify(selection) });
}
