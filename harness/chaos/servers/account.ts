import { execFileSync } from 'node:child_process';

/** The account that a server runs as: neither PostgreSQL nor MariaDB starts as root. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** Returns the account of that name for root, and no other account for anyone else. */
export function unprivileged(name: string): Account {
  if (process.getuid?.() !== 0) return {};
  return { uid: idOf(name, '-u'), gid: idOf(name, '-g') };
}

function idOf(name: string, flag: '-u' | '-g'): number {
  try {
    return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch (error) {
    throw new Error(`There is no account "${name}" to run a server as. Create it, or do not run as root.`, {
      cause: error,
    });
  }
}
