import { copyFile, cp, mkdir, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { output, under } from './process.mjs';

const require = createRequire(import.meta.url);
/** Kept between runs: Node itself, and what is compiled for it. */
const kept = join(import.meta.dirname, '../../../../.build/compat');

/**
 * Whose headers better-sqlite3 12 is compiled with. Its prebuilt binaries are older than Node 24.19. With the headers from
 * then on, it ends the process when a statement is collected as garbage: see docs/troubleshooting.md.
 */
const headers = { 24: '24.18.1' };

/**
 * A release line of Node, and better-sqlite3 compiled for it: its binary for this process's Node is there already.
 *
 * @param {number} major
 * @returns {Promise<{ major: number, bin: string, sqliteBinding: string }>}
 */
export async function node(major) {
  const driver = dirname(require.resolve('better-sqlite3/package.json'));
  if (process.versions.node.startsWith(`${major}.`))
    return { major, bin: process.execPath, sqliteBinding: join(driver, 'build/Release/better_sqlite3.node') };
  const bin = join(await homeOf(String(major)), 'bin/node');
  return { major, bin, sqliteBinding: await sqliteFor({ major, bin }, driver) };
}

/** Installs a version of Node. Resolves to its folder. */
async function homeOf(version) {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(kept, `node${version}`);
  const home = join(folder, 'node_modules', name);
  if (!(await exists(join(home, 'bin/node')))) {
    await mkdir(folder, { recursive: true });
    await output(
      'npm',
      ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`],
      { cwd: folder },
    );
  }
  return home;
}

/** A debug build takes half the time, and the tests do not notice. */
async function sqliteFor({ major, bin }, driver) {
  const { version } = require('better-sqlite3/package.json');
  const release = headers[major] ?? String(major);
  const binding = join(kept, `better_sqlite3-${version}-node${release}.node`);
  if (await exists(binding)) return binding;
  const { npm_config_node_gyp: gyp } = process.env;
  if (!gyp) throw new Error('better-sqlite3 is compiled with the node-gyp of npm. Run "npm run test:compat".');
  const folder = join(kept, `compiled${major}`);
  await cp(driver, folder, { recursive: true });
  // By the environment: npm hands down its own setting there, which would win over an argument.
  const env = { ...under({ bin }), npm_config_nodedir: await homeOf(release) };
  await output(bin, [gyp, 'rebuild', '--debug'], { cwd: folder, env });
  await copyFile(join(folder, 'build/Debug/better_sqlite3.node'), binding);
  await rm(folder, { recursive: true, force: true });
  return binding;
}

async function exists(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
}
