/**
 * The packed package in host apps of every kind: installed, built, booted, posted to, and tested with their own
 * runners. `npm run test:compat`; it needs PostgreSQL and MariaDB. With arguments, only the cases whose name holds them all:
 * `npm run test:compat -- fastify mariadb`. `--once`: each Nest in one module kind.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apps, pack, setUp } from './runner/apps.mjs';
import { casesOf } from './runner/cases.mjs';
import { demandServers } from './runner/databases.mjs';
import { freshApps } from './runner/fresh.mjs';
import { node } from './runner/nodes.mjs';

const wanted = process.argv.slice(2).filter((word) => word !== '--once');
const isOnce = process.argv.includes('--once');
const isWanted = ({ name }) => wanted.every((word) => name.includes(word));
const folder = await mkdtemp(join(tmpdir(), 'cr3d-compat-'));
const failures = [];
let passed = 0;

async function attempt({ name, run }) {
  const begun = performance.now();
  try {
    await run();
    passed++;
    console.log(`ok      ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failures.push(name);
    console.log(`FAILED  ${name}\n${error.message}`);
  }
}

/** Sets an app up, and tries its cases one after the other. */
async function tryApp({ name, run, cases }) {
  const before = failures.length;
  await attempt({ name, run });
  if (failures.length > before) return;
  for (const one of cases) await attempt(one);
}

/** Runs lists of apps, two lists at a time: while one app is being installed, another has the processor. */
async function inTwoLanes(lists) {
  const waiting = [...lists];
  const lane = async () => {
    for (let list = waiting.shift(); list; list = waiting.shift()) for (const app of list) await tryApp(app);
  };
  await Promise.all([lane(), lane()]);
}

try {
  await demandServers();
  const nodes = [await node(20), await node(22), await node(24)];
  const tarball = await pack(folder);
  const toApp = (app) => ({
    name: `${app.name}: installed and built`,
    run: () => setUp(app, folder, tarball),
    cases: casesOf(app, nodes, folder).filter(isWanted),
  });
  // An app that is like another has its packages, so it comes after it.
  const installed = apps
    .filter(({ like }) => !like)
    .map((app) => [app, ...apps.filter(({ like }) => !isOnce && like === app.name)].map(toApp))
    .filter((list) => list.some(({ cases }) => cases.length > 0));
  const fresh = freshApps(folder, tarball, nodes[0])
    .map((app) => ({ ...app, cases: app.cases.filter(isWanted) }))
    .filter(({ cases }) => cases.length > 0);
  await inTwoLanes([...installed, ...fresh.map((app) => [app])]);
} catch (error) {
  failures.push('the preparation');
  console.log(`FAILED  ${error.message}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;
