import { Option, type Command } from 'commander';
import type { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import type { ErrorFilter } from '../operations/error-group.view.js';
import type { HealthProblem } from '../operations/inbox.health.js';
import type { HandlerSummary } from '../operations/instance.view.js';
import { factsTable, rowsTable } from './tables.js';
import { print, addSharedOptions, withInbox, type Shared } from './with-inbox.js';
import { printable, printableJson } from './printable.js';
import { repeat } from './repeat.js';

/** Deliveries and operations that `watch` shows. */
const MAX_SHOWN = 5;

interface Watching extends Shared {
  watch?: true;
}

/** Adds what shows the state of the inbox: `stats`, `dead`, `watch`, `instances`, `handlers` and `secrets`. */
export function addMonitorCommands(inbox: Command): void {
  addSharedOptions(inbox.command('stats').description('tell what is wrong, and count deliveries by state'))
    .option('--watch', 'again every 2 s, until it is interrupted')
    .action(stats);
  addSharedOptions(inbox.command('dead').description('group deliveries by handler and error'))
    .addOption(new Option('--state <state>', 'dead, or pending for those that wait').choices(['dead', 'pending']))
    .option('--handler <id>', 'only of this handler')
    .option('--tenant <tenant>', 'only of this tenant')
    .action(dead);
  addSharedOptions(
    inbox.command('watch').description('show problems, numbers, failures and bulk operations every 2 s'),
  ).action(watch);
  listing(inbox, 'instances', 'list instances of the app', ['id', 'state', 'host', 'pid', 'version', 'heardAt']);
  listing(inbox, 'secrets', 'list when secrets were used', ['id', 'tenant', 'firstUsedAt', 'lastUsedAt', 'notAfter']);
  addSharedOptions(
    inbox.command('handlers').description('list handlers, what they did of late, and dead deliveries that name them'),
  ).action((options: Shared) =>
    withInbox(options, async ({ monitor }) => {
      const rows = await monitor.handlers();
      const columns = ['id', 'isTransactional', 'dead', 'runs', 'success', 'p50', 'p95', 'p99'];
      print(rows, () => rowsTable(columns, rows.map(withRecent)), options);
      if (rows.length === 0) process.exitCode = 1;
    }),
  );
}

/** Returns the row of a handler, with what it did in this hour of the clock and in the one before. */
function withRecent({ recent: { runs, success, latency }, ...handler }: HandlerSummary): object {
  const share = success === null ? '' : `${Math.floor(success * 1_000) / 10} %`;
  const times = Object.entries(latency ?? {}).map(([name, ms]) => [name, `${ms} ms`] as const);
  return { ...handler, runs, success: share, ...Object.fromEntries(times) };
}

function listing(inbox: Command, name: 'instances' | 'secrets', about: string, columns: string[]): void {
  addSharedOptions(inbox.command(name).description(about)).action((options: Shared) =>
    withInbox(options, async ({ monitor }) => {
      const rows: object[] = await monitor[name]();
      print(rows, () => rowsTable(columns, rows), options);
      if (rows.length === 0) process.exitCode = 1;
    }),
  );
}

function stats(options: Watching): Promise<void> {
  return withInbox(options, async (inbox) => {
    if (!options.watch) {
      const state = await stateOf(inbox);
      print(state, () => textOf(state), options);
      if (state.problems.length > 0) process.exitCode = 1;
      return;
    }
    await repeat(async () => {
      const state = await stateOf(inbox);
      return { text: options.json ? printableJson(state) : textOf(state) };
    });
  });
}

type State = Record<string, unknown> & { problems: HealthProblem[] };

/** What this process itself has refused and used says nothing of the instances. */
async function stateOf(inbox: Cr3dentialsWebhookInbox): Promise<State> {
  const { refused: _, secrets: _s, unreadable: _u, retention: _r, ...counts } = await inbox.stats();
  return { ...counts, problems: await inbox.monitor.problems() };
}

/** Problems whose value is a length of time. */
const LENGTHS: ReadonlySet<string> = new Set(['backlog', 'nobody-processes', 'secret-expires', 'clock-apart']);

function valueOf({ code, value }: HealthProblem): string {
  if (value === undefined) return '';
  return LENGTHS.has(code) ? ` (${Math.round(value / 1_000)} s)` : ` (${value})`;
}

function textOf({ problems, ...counts }: State): string {
  const lines = problems.map((problem) =>
    printable(`${problem.severity.toUpperCase()} ${problem.message}${valueOf(problem)} ${problem.remedy}`),
  );
  return [...(lines.length > 0 ? lines : ['All is well.']), factsTable(counts)].join('\n');
}

function dead({ dataSource, json, ...filter }: Shared & Pick<ErrorFilter, 'state' | 'handler' | 'tenant'>) {
  const options = { ...(dataSource !== undefined && { dataSource }), ...(json && { json }) };
  return withInbox(options, async ({ monitor }) => {
    const found = await monitor.errors(filter);
    const columns = ['count', 'handler', 'error', 'reason', 'lastAt'];
    const partial = found.isPartial ? `\nOnly the newest ${found.deliveries} were looked at.` : '';
    print(found, () => rowsTable(columns, found.groups) + partial, options);
    if (found.groups.length === 0) process.exitCode = 1;
  });
}

function watch(options: Shared): Promise<void> {
  return withInbox(options, (inbox) =>
    repeat(async () => {
      const { groups } = await inbox.monitor.errors();
      const seen = {
        ...(await stateOf(inbox)),
        errors: groups.slice(0, MAX_SHOWN),
        bulk: await inbox.bulk.list({ limit: MAX_SHOWN }),
      };
      return { text: options.json ? printableJson(seen) : screenOf(seen) };
    }),
  );
}

function screenOf({ errors, bulk, ...state }: State & { errors: object[]; bulk: object[] }): string {
  return [
    textOf(state),
    rowsTable(['count', 'handler', 'error', 'lastAt'], errors),
    rowsTable(['id', 'action', 'state', 'expected', 'done', 'skipped', 'deadAgain'], bulk),
  ].join('\n');
}
