/**
 * The packed package in host apps of every kind: installed, built, booted, posted to, and tested with their own
 * runners. `npm run test:compat`; it needs PostgreSQL and MariaDB. With arguments, only the cases whose name holds them all:
 * `npm run test:compat -- fastify mariadb`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apps, pack, setUp } from './runner/apps.mjs';
import { casesOf } from './runner/cases.mjs';
import { demandServers } from './runner/databases.mjs';
import { freshApps } from './runner/fresh.mjs';
import { node } from './runner/nodes.mjs';

const wanted = process.argv.slice(2);
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

try {
  await demandServers();
  const nodes = [await node(20), await node(22), await node(24)];
  const tarball = await pack(folder);
  const casesFor = (app) => casesOf(app, nodes, folder).filter(isWanted);
  for (const app of apps) {
    const cases = casesFor(app);
    if (cases.length === 0 && !apps.some((other) => other.like === app.name && casesFor(other).length > 0)) continue;
    const installed = failures.length;
    await attempt({ name: `${app.name}: installed and built`, run: () => setUp(app, folder, tarball) });
    if (failures.length > installed) continue;
    while (cases.length > 0) await Promise.all(cases.splice(0, 2).map(attempt));
  }
  for (const app of freshApps(folder, tarball, nodes[0])) {
    const cases = app.cases.filter(isWanted);
    const made = failures.length;
    if (cases.length > 0) await attempt(app);
    for (const one of failures.length > made ? [] : cases) await attempt(one);
  }
} catch (error) {
  failures.push('the preparation');
  console.log(`FAILED  ${error.message}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;
