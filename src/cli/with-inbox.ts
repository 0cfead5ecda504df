import type { Command } from 'commander';
import type { Clock } from '../clock.js';
import type { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import { connectInbox } from './inbox.connection.js';
import { printableJson } from './printable.js';

/** Options of every command on the inbox. */
export interface Shared {
  dataSource?: string;
  json?: true;
}

/** Adds the options of every command on the inbox. */
export function addSharedOptions(command: Command): Command {
  return command
    .option('--data-source <file>', 'compiled file that exports the DataSource (default: dist/data-source.js)')
    .option('--json', 'print JSON');
}

/** Opens the inbox, and closes it whatever happens. */
export async function withInbox(
  options: Shared,
  work: (inbox: Cr3dentialsWebhookInbox, clock: Clock) => Promise<void>,
): Promise<void> {
  const { inbox, clock, close } = await connectInbox(options.dataSource);
  try {
    await work(inbox, clock);
  } finally {
    await close();
  }
}

/** Prints a result, as JSON if that is asked for. */
export function print(value: unknown, asText: () => string, { json }: Shared): void {
  process.stdout.write(`${json ? printableJson(value) : asText()}\n`);
}
