import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';

/** The part of a machine's description that is the same for every harness. */
export interface Hardware {
  readonly processor: string;
  readonly memory: string;
  readonly system: string;
  readonly node: string;
}

export function inspectHardware(): Hardware {
  const { length, 0: first } = cpus();
  return {
    processor: `${length} × ${first?.model.trim() ?? 'unknown'}`,
    memory: `${(totalmem() / 1024 ** 3).toFixed(0)} GiB`,
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
  };
}

/** Returns the versions of the packages as they are loaded from the module at `url`, without those that are missing. */
export function installedVersions(names: readonly string[], url: string): Record<string, string> {
  const require = createRequire(url);
  const found: Record<string, string> = {};
  for (const name of names) {
    const manifests = require.resolve.paths(name)?.map((folder) => join(folder, name, 'package.json')) ?? [];
    const manifest = manifests.find((path) => existsSync(path));
    if (manifest) found[name] = versionIn(manifest);
  }
  return found;
}

export function versionIn(manifest: string): string {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
