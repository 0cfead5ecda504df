import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const DEBIAN_POSTGRES = '/usr/lib/postgresql';

/** Finds a program on PATH, or where Debian keeps PostgreSQL's, the newest first. */
export function binary(name: string, remedy: string): string {
  const found = [...onPath(), ...ofPostgres()].map((folder) => join(folder, name)).find(isExecutable);
  if (found) return found;
  throw new Error(`"${name}" is missing. ${remedy}`);
}

function onPath(): string[] {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
}

function ofPostgres(): string[] {
  try {
    const versions = readdirSync(DEBIAN_POSTGRES).toSorted((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(DEBIAN_POSTGRES, version, 'bin'));
  } catch {
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
