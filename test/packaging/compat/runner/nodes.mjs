import { copyFile, cp, mkdir, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { output, under } from './process.mjs';

const require = createRequire(import.meta.url);
/** Kept between runs: Node itself, and what is compiled for it. */
const kept = join(import.meta.dirname, '../../../../.build/compat');

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
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(kept, `node${major}`);
  const home = join(folder, 'node_modules', name);
  const bin = join(home, 'bin/node');
  if (!(await exists(bin))) {
    await mkdir(folder, { recursive: true });
    await output(
      'npm',
      ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${major}`],
      {
        cwd: folder,
      },
    );
  }
  return { major, bin, sqliteBinding: await sqliteFor({ major, bin, home }, driver) };
}

/** A debug build takes half the time, and the tests do not notice. */
async function sqliteFor({ major, bin, home }, driver) {
  const { version } = require('better-sqlite3/package.json');
  const binding = join(kept, `better_sqlite3-${version}-node${major}.node`);
  if (await exists(binding)) return binding;
  const { npm_config_node_gyp: gyp } = process.env;
  if (!gyp) throw new Error('better-sqlite3 is compiled with the node-gyp of npm. Run "npm run test:compat".');
  const folder = join(kept, `compiled${major}`);
  await cp(driver, folder, { recursive: true });
  // By the environment: npm hands down its own setting there, which would win over an argument.
  const env = { ...under({ bin }), npm_config_nodedir: home };
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
