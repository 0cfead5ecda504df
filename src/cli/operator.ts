import type { Command } from 'commander';
import { hostname, userInfo } from 'node:os';
import type { ActionOptions } from '../operations/action.options.js';

/** Options that say who acts. */
export interface Acting {
  as?: string;
  reason?: string;
}

/** Adds the options that say who acts. */
export function addOperatorOptions(command: Command): Command {
  return command
    .option('--as <name>', 'your name, for the record (default: user@host)')
    .option('--reason <text>', 'why, for the record');
}

/** Returns the operator for the record of actions. */
export function actionOptionsOf({ as = `${userName()}@${hostname()}`, reason }: Acting): ActionOptions {
  return { by: as, source: 'cli', ...(reason !== undefined && { reason }) };
}

/** Returns the name of the user who runs the command. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'Somebody'; // a user id without a name
  }
}
