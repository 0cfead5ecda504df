import assert from 'node:assert/strict';
import { join } from 'node:path';
import { withoutNest } from './apps.mjs';
import { kinds, withDatabase } from './databases.mjs';
import { SECRET } from './host.mjs';
import { journey } from './journey.mjs';
import { notInstalled, observed } from './observed.mjs';
import { output, under } from './process.mjs';

const platforms = ['express', 'fastify'];
/** Ways in which TypeORM is told of the entities, and of its DataSource. */
const ways = [
  { ENTITIES: 'list' },
  { ENTITIES: 'autoload', DATA_SOURCE: 'billing' },
  { ENTITIES: 'globs' },
  { ENTITIES: 'list', DATA_SOURCE: 'billing' },
  { ENTITIES: 'autoload' },
  { ENTITIES: 'globs', DATA_SOURCE: 'billing' },
];

const list = { ENTITIES: 'list' };
/**
 * Hosts that are not as most are. Each also ends in the middle of a handler. Where an app differs from another only in
 * the kind of its modules, those that were built otherwise are tried.
 */
const oddHosts = [
  { what: 'minified into one file by esbuild', entry: 'dist/minified.js', platform: 'express', kind: 'sqlite' },
  { what: 'built by SWC', entry: 'swc/main.js', platform: 'fastify', kind: 'postgres' },
  { what: 'with many packages at once', entry: 'dist/crowded.main.js', platform: 'express', kind: 'postgres' },
  { what: 'with many packages at once', entry: 'dist/crowded.main.js', platform: 'fastify', kind: 'mariadb' },
  { what: 'over HTTP/2', platform: 'fastify', kind: 'sqlite', env: { HTTP2: 'true' } },
  { what: 'with replication', platform: 'express', kind: 'postgres', env: { REPLICATION: 'true' } },
  { what: 'with replication', platform: 'fastify', kind: 'mariadb', env: { REPLICATION: 'true' } },
  { what: 'with a naming strategy', platform: 'express', kind: 'postgres', env: { NAMING: 'prefix' } },
];

const bundled = {
  what: 'bundled by webpack, as `nest build --webpack` does',
  entry: 'webpacked/main.js',
  platform: 'express',
  kind: 'mariadb',
};

/** Where the packages for them are installed. */
const withoutTypeOrm = [
  ['Drizzle', 'dist/drizzle.main.js', 'express'],
  ['MikroORM', 'dist/mikro-orm.main.js', 'fastify'],
  ['Prisma', 'dist/prisma.main.js', 'express'],
].map(([library, entry, platform]) => ({
  what: `on ${library}, without a TypeORM of its own`,
  entry,
  platform,
  kind: 'postgres',
}));

/**
 * Each Node with each database and each platform with both, for the apps that stand for most hosts; for the others,
 * each database once.
 *
 * @returns {{ name: string, run: () => Promise<void> }[]}
 */
export function casesOf({ name: app, like, isEverywhere = false, hasCrowd = false, isBundled = false }, nodes, folder) {
  const cwd = join(folder, app);
  const once = nodes.map((node, n) => ({ node, platform: platforms[n % 2], kind: kinds[n % 3] }));
  const pairs = nodes.flatMap((node, n) => kinds.map((kind, k) => ({ node, platform: platforms[(n + k) % 2], kind })));
  return [
    ...(isEverywhere ? pairs : once).map((setup, n) =>
      hostCase(app, cwd, { ...setup, way: ways[n % 6], isInterrupted: n < 3 }),
    ),
    ...(isEverywhere ? once : []).map(({ node, kind }) => ownTests(app, cwd, node, kind)),
    ...(isEverywhere ? once : []).map((setup) => adapters(app, cwd, setup)),
    ...[
      ...(hasCrowd ? oddHosts.filter(({ entry }) => !like || /minified|swc/.test(entry ?? '')) : []),
      ...(isBundled ? [bundled] : []),
      ...(hasCrowd && app.startsWith('nest12') && !like ? withoutTypeOrm : []),
    ].map((odd, n) => oddCase(app, cwd, odd, nodes[n % nodes.length])),
    ...(hasCrowd
      ? once.filter(hasItsSdk(app)).map((setup) => observedHost(app, cwd, setup))
      : [withoutPackages(app, cwd)]),
    ...once.map(({ node, kind }) => commandLine(app, cwd, node, kind)),
    ...(like
      ? []
      : [types(app, cwd, isEverywhere ? 'tsconfig.json' : 'tsconfig.build.json'), migrationsWithoutNest(app, folder)]),
  ];
}

function hostCase(app, cwd, { node, platform, kind, way, isInterrupted }) {
  const how = `${way.ENTITIES}${way.DATA_SOURCE ? ', named DataSource' : ''}`;
  return {
    name: `${app}, Node ${node.major}, ${platform}, ${kind}: a host with entities by ${how}`,
    run: () =>
      withDatabase(kind, cwd, (url) =>
        journey({ cwd, node, isInterrupted, env: { DATABASE_URL: url, PLATFORM: platform, ...way } }),
      ),
  };
}

function oddCase(app, cwd, { what, platform, kind, entry, env }, node) {
  return {
    name: `${app}, Node ${node.major}, ${platform}, ${kind}: an unusual host, ${what}`,
    run: () =>
      withDatabase(kind, cwd, (url) =>
        journey({
          cwd,
          node,
          entry,
          isInterrupted: true,
          env: { DATABASE_URL: url, PLATFORM: platform, ...list, ...env },
        }),
      ),
  };
}

/** With Nest 12, it is line 3 of OpenTelemetry's SDK, which needs Node 22. */
const hasItsSdk =
  (app) =>
  ({ node }) =>
    app.startsWith('nest11') || node.major >= 22;

function observedHost(app, cwd, { node, platform, kind }) {
  return {
    name: `${app}, Node ${node.major}, ${platform}, ${kind}: an observed host, with OpenTelemetry, prom-client and Terminus`,
    run: () =>
      withDatabase(kind, cwd, (url) =>
        observed({ cwd, node, env: { DATABASE_URL: url, PLATFORM: platform, ...list } }),
      ),
  };
}

function withoutPackages(app, cwd) {
  return {
    name: `${app}: subpaths whose packages are not installed`,
    run: () => notInstalled(cwd),
  };
}

function ownTests(app, cwd, node, kind) {
  return {
    name: `${app}, Node ${node.major}, ${kind}: the host's own tests`,
    run: () =>
      withDatabase(kind, cwd, async (url) => {
        const env = { ...under(node), DATABASE_URL: url, SQLITE_BINDING: node.sqliteBinding };
        await output('npm', ['test'], { cwd, env });
      }),
  };
}

function adapters(app, cwd, { node, platform, kind }) {
  return {
    name: `${app}, Node ${node.major}, ${platform}, ${kind}: adapters of serverless platforms`,
    run: () =>
      withDatabase(kind, cwd, async (url) => {
        const env = { PLATFORM: platform, DATABASE_URL: url, SQLITE_BINDING: node.sqliteBinding };
        const said = await output('node', ['adapters.mjs'], {
          cwd,
          env: { ...under(node), ...env, CR3D_WEBHOOK_SECRET: SECRET },
        });
        const found = said
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line));
        assert.equal(found.length, platform === 'express' ? 3 : 2, said);
        const acknowledged = '200 {"received":true}';
        for (const { name, ...one } of found)
          assert.deepEqual(
            one,
            {
              answers: [acknowledged, acknowledged],
              state: 'completed',
              isWhole: true,
              statuses: ['401', '401', '400'],
              retried: [1, 2],
              interrupted: [1],
            },
            name,
          );
      }),
  };
}

function commandLine(app, cwd, node, kind) {
  return {
    name: `${app}, Node ${node.major}, ${kind}: migrations by the TypeORM command line`,
    run: () =>
      withDatabase(kind, cwd, async (url) => {
        const env = { ...under(node), DATABASE_URL: url, SQLITE_BINDING: node.sqliteBinding };
        const typeorm = (command) => output('npm', ['run', '-s', 'typeorm', '--', command], { cwd, env });
        await typeorm('migration:run');
        await typeorm('migration:revert');
        await typeorm('migration:revert');
        assert.deepEqual(ran(await typeorm('migration:show')), { ours: false, theirs: false });
        await typeorm('migration:run');
        assert.doesNotMatch(await typeorm('schema:log'), /cr3dentials/);
        await journey({ cwd, node, env: { DATABASE_URL: url, MIGRATIONS_RUN: 'false' } });
      }),
  };
}

/** What `migration:show` marks as done. */
function ran(shown) {
  const isMarked = (name) => {
    const [, mark] = new RegExp(`\\[(.)\\].*${name}`).exec(shown) ?? [];
    assert.ok(mark, `migration:show does not show ${name}:\n${shown}`);
    return mark === 'X';
  };
  return { ours: isMarked('Cr3dentialsWebhookInitial1795392000000'), theirs: isMarked('Accounts1795392000001') };
}

/** In a resolution that apps use beside the one they are built in, with the declarations of packages checked too. */
function types(app, cwd, project) {
  const [module, moduleResolution] = app.includes('12') ? ['esnext', 'bundler'] : ['commonjs', 'node10'];
  return {
    name: `${app}: types by moduleResolution ${moduleResolution}`,
    async run() {
      const settings = ['--module', module, '--moduleResolution', moduleResolution, '--skipLibCheck', 'false'];
      const errors = await output('npx', ['--no-install', 'tsc', '-p', project, '--noEmit', ...settings], { cwd }).then(
        () => '',
        ({ message }) => message,
      );
      // Other packages' declarations are not ours to judge.
      const ours = errors.split('\n').filter((line) => /^(src\/|test\/|error)|nestjs-cr3dentials-webhook/.test(line));
      assert.deepEqual(ours, []);
    },
  };
}

function migrationsWithoutNest(app, folder) {
  return {
    name: `${app}: ./migrations where Nest is not installed`,
    async run() {
      const cwd = await withoutNest(folder, app);
      const names = `console.log(m.cr3dentialsWebhookMigrations.map(({ name }) => name).join())`;
      const required = await output(
        'node',
        ['-e', `const m = require('nestjs-cr3dentials-webhook/migrations'); ${names}`],
        { cwd },
      );
      const imported = await output(
        'node',
        ['--input-type=module', '-e', `import * as m from 'nestjs-cr3dentials-webhook/migrations'; ${names}`],
        { cwd },
      );
      assert.match(required, /^Cr3dentialsWebhookInitial\d{13}/);
      assert.equal(imported, required);
      await assert.rejects(output('node', ['-e', `require('nestjs-cr3dentials-webhook')`], { cwd }), /@nestjs/);
    },
  };
}
