import type { Command } from 'commander';
import { wholeFrom } from './arguments.js';
import { rowsTable } from './tables.js';
import { addSharedOptions, print, withInbox, type Shared } from './with-inbox.js';

interface Listing extends Shared {
  limit: number;
  target?: string;
}

/** Adds `inbox actions`, which lists what operators did. */
export function addActionsCommand(inbox: Command): void {
  addSharedOptions(inbox.command('actions').description('list what operators did, newest first'))
    .option('--target <id>', 'only to this delivery or rejection')
    .option('--limit <n>', 'maximum number of rows', wholeFrom(1), 50)
    .action(listActions);
}

function listActions({ target, limit, ...options }: Listing): Promise<void> {
  return withInbox(options, async (inbox) => {
    const rows = await inbox.actions.list({ limit, ...(target !== undefined && { targetId: target }) });
    print(rows, () => rowsTable(['actedAt', 'operator', 'action', 'targetId', 'reason'], rows), options);
    if (rows.length === 0) process.exitCode = 1;
  });
}
