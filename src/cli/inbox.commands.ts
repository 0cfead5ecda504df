import { Option, type Command } from 'commander';
import type { Clock } from '../clock.js';
import type { BulkSelection } from '../operations/bulk.view.js';
import type { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import { duration, wholeFrom } from './arguments.js';
import { addBulkCommands, startBulk, addStartOptions, type Starting } from './bulk.commands.js';
import { deliveryTable, factsTable, type Row } from './tables.js';
import { maskId } from '../operations/contents.mask.js';
import { printable } from './printable.js';
import { addActionsCommand } from './actions.command.js';
import { addRejectionCommands } from './rejection.commands.js';
import { print, addSharedOptions, withInbox, type Shared } from './with-inbox.js';
import { addMonitorCommands } from './monitor.commands.js';
import { addOperatorOptions, actionOptionsOf, type Acting } from './operator.js';
import { findDelivery } from './found-delivery.js';
import { assertMayReveal, revealLine, shownOf, showTables, type Reveal } from './revealed-delivery.js';
import { UsageError } from './usage.error.js';

interface Conditions extends Shared, Pick<BulkSelection, 'status' | 'tenant' | 'handler' | 'error'> {
  state?: BulkSelection['state'];
  platform?: number;
  deathReason?: BulkSelection['reason'];
  since?: number;
  until?: number;
}

interface Listing extends Conditions {
  limit: number;
}

type Bulk = Conditions & Starting;

const EXAMPLES = `
Examples:
  What is broken:
    $ npx nestjs-cr3dentials-webhook inbox stats
    $ npx nestjs-cr3dentials-webhook inbox list --state dead --since 24h

  One delivery, with the errors of its handlers:
    $ npx nestjs-cr3dentials-webhook inbox show 0198c1f0-7a3b-7c11-9a55-000000000000

  Dead letters by handler and error:
    $ npx nestjs-cr3dentials-webhook inbox dead

  All dead letters of one handler again, 50 a second, carried out by the app:
    $ npx nestjs-cr3dentials-webhook inbox replay --state dead --handler ledger.book --rate 50 --yes

Sessions and references are masked, and of contents only the shape is shown. Exit codes: 0 done, 1 nothing or not all of it, 2 wrong arguments.`;

/** Adds the commands of an operator: `inbox stats`, `list`, `show`, `replay`, `discard`, `bulk`, `rejections` and others. */
export function addInboxCommands(root: Command): void {
  const inbox = root
    .command('inbox')
    .description('operates the inbox in its database, also while the app is down')
    .addHelpText('after', EXAMPLES);
  addMonitorCommands(inbox);
  addConditionOptions(addSharedOptions(inbox.command('list').description('list deliveries, newest first')))
    .option('--limit <n>', 'maximum number of rows', wholeFrom(1), 50)
    .action(list);
  const shown = addSharedOptions(inbox.command('show').argument('<id>', 'id of a delivery, its session or reference'))
    .description('show a delivery, its handlers, and what happened to it')
    .option('--tenant <tenant>', 'tenant of the session or reference')
    .addOption(
      new Option('--reveal [file]', 'show session, reference and contents; on a terminal only, or =file').choices([
        'file',
      ]),
    );
  addOperatorOptions(shown).action(show);
  for (const action of ['replay', 'discard'] as const) addDecision(inbox, action);
  addBulkCommands(inbox);
  addRejectionCommands(inbox);
  addActionsCommand(inbox);
}

function addDecision(inbox: Command, action: 'replay' | 'discard'): void {
  const command = inbox.command(action).argument('[ids...]', 'ids of deliveries; or --state and conditions');
  addStartOptions(addOperatorOptions(addConditionOptions(addSharedOptions(command))))
    .description(action === 'replay' ? 'make deliveries due again' : 'end deliveries that need no processing')
    .action((ids: string[], options: Bulk) => (ids.length > 0 ? each(action, ids, options) : all(action, options)));
}

/** Options that are of a selection. Beside ids they would be ignored, and more be done than was meant. */
const OF_SELECTIONS = [
  'state',
  'status',
  'platform',
  'deathReason',
  'tenant',
  'handler',
  'error',
  'since',
  'until',
  'rate',
  'pauseAt',
  'wait',
] as const satisfies (keyof Bulk)[];

function addConditionOptions(command: Command): Command {
  const states = ['pending', 'processing', 'completed', 'dead', 'unhandled', 'discarded', 'erased'];
  return command
    .addOption(new Option('--state <state>', 'only in this state').choices(states))
    .option('--status <status>', 'only with this status')
    .option('--platform <id>', 'only with this platformId', wholeFrom(0))
    .addOption(
      new Option('--death-reason <reason>', 'only dead for this reason').choices([
        'handler',
        'crash-loop',
        'unreadable',
      ]),
    )
    .option('--tenant <tenant>', 'only of this tenant')
    .option('--handler <id>', 'only where this handler has failed')
    .option('--error <text>', 'only where the last error has this text')
    .option('--since <time>', 'only received within this time, such as 24h', duration)
    .option('--until <time>', 'only received before that, such as 2h: longer than 2 hours ago', duration);
}

/** A search in sealed errors would find nothing, as if there were none. */
async function assertPlainErrors({ error }: Conditions, inbox: Cr3dentialsWebhookInbox): Promise<void> {
  if (error === undefined) return;
  const { keys } = await inbox.encryption.status();
  if (keys.some(({ errors }) => errors > 0))
    throw new UsageError(
      'Errors in this inbox are sealed, and cannot be searched with --error. Use --handler instead.',
    );
}

function selectionOf(
  { state, status, platform: platformId, deathReason: reason, tenant, handler, error, since, until }: Conditions,
  clock: Clock,
): Partial<BulkSelection> {
  const given = { state, status, platformId, reason, tenant, handler, error };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...periodOf({ since, until }, clock.now()),
  };
}

/** Returns the time in which deliveries were received, if one was named. */
function periodOf(
  { since, until }: Pick<Conditions, 'since' | 'until'>,
  now: number,
): Pick<BulkSelection, 'receivedBetween'> {
  if (since === undefined && until === undefined) return {};
  if (since !== undefined && until !== undefined && since <= until)
    throw new UsageError('--until is not later than --since. Both count from now: --since 24h --until 2h.');
  return { receivedBetween: [since === undefined ? 0 : now - since, until === undefined ? now + 60_000 : now - until] };
}

function list(options: Listing): Promise<void> {
  return withInbox(options, async (inbox, clock) => {
    await assertPlainErrors(options, inbox);
    const rows: Row[] = [];
    for await (const { externalReferenceId: _, sessionId, ...row } of inbox.each(selectionOf(options, clock)))
      if (rows.push({ ...row, sessionId: sessionId && maskId(sessionId) }) >= options.limit) break;
    print(rows, () => deliveryTable(rows), options);
    if (rows.length === 0) process.exitCode = 1;
  });
}

async function show(id: string, options: Shared & Acting & { tenant?: string; reveal?: Reveal }): Promise<void> {
  const { tenant, reveal } = options;
  assertMayReveal(options, process.stdout);
  return withInbox(options, async (inbox) => {
    const found = await findDelivery(inbox, id, tenant);
    const acting = actionOptionsOf(options);
    if (reveal) await inbox.actions.record({ action: 'reveal', targetId: found.id, ...acting });
    const attempts = await inbox.history.attempts(found.id);
    const actions = await inbox.actions.list({ targetId: found.id });
    const shown = shownOf(found, reveal);
    const past = { attempts, actions: actions.toReversed() };
    print({ ...shown, ...past }, () => showTables(shown, past), options);
    if (reveal) process.stderr.write(`${printable(revealLine(found, String(acting.by)))}\n`);
  });
}

async function each(action: 'replay' | 'discard', ids: readonly string[], options: Bulk): Promise<void> {
  if (OF_SELECTIONS.some((name) => options[name] !== undefined))
    throw new UsageError('Ids name the deliveries. Leave out --state and other conditions, or the ids.');
  return withInbox(options, async (inbox) => {
    const results: Record<string, string> = {};
    for (const id of ids) results[id] = await inbox[action](id, actionOptionsOf(options));
    print(results, () => factsTable(results), options);
    if (Object.values(results).some((result) => result !== `${action}ed`)) process.exitCode = 1;
  });
}

function all(action: 'replay' | 'discard', options: Bulk): Promise<void> {
  if (options.state === undefined) throw new UsageError('Name deliveries by their ids, or select them with --state.');
  return withInbox(options, async (inbox, clock) => {
    await assertPlainErrors(options, inbox);
    await startBulk(inbox, { action, selection: selectionOf(options, clock) as BulkSelection }, options);
  });
}
