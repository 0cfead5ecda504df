import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { SECRET } from './host.mjs';
import { output, under } from './process.mjs';

const compat = join(import.meta.dirname, '..');
const repository = join(compat, '../../..');
const require = createRequire(import.meta.url);

/** Apps as the Nest command line makes them today: no lock file, so they are what a user gets. */
const fresh = [
  {
    major: 12,
    cli: require.resolve('@nestjs/cli/bin/nest.js'),
    spec: 'accounts.vitest.ts',
    swagger: '@nestjs/swagger',
  },
  { major: 11, spec: 'accounts.jest.ts', swagger: '@nestjs/swagger@11' },
];

/**
 * The first hour of a user: `nest new`, the install lines and the main.ts of the README, the test of docs/testing.md, and
 * the app's own lint.
 *
 * @param {string} folder
 * @param {string} tarball
 * @param {{ bin: string, sqliteBinding: string }} node this process's own
 */
export function freshApps(folder, tarball, node) {
  return fresh.map(({ major, cli, spec, swagger }) => {
    const name = `fresh-nest${major}`;
    const cwd = join(folder, name);
    return {
      name: `${name}: made by the Nest command line, and installed as the README says`,
      async run() {
        const options = ['new', name, '--skip-git', '--skip-install', '--package-manager', 'npm', '--strict'];
        if (cli) await output(process.execPath, [cli, ...options], { cwd: folder });
        else await output('npx', ['--yes', `@nestjs/cli@${major}`, ...options], { cwd: folder });
        await install(cwd, [...(await documentedPackages(major)), tarball, swagger]);
        await addDocumentedFiles(cwd, spec);
      },
      cases: [
        { name: `${name}: builds`, run: () => output('npm', ['run', '-s', 'build'], { cwd }) },
        { name: `${name}: the test of docs/testing.md`, run: () => output('npm', ['test'], { cwd }) },
        { name: `${name}: its own lint passes the documented files`, run: () => lint(cwd, major) },
        { name: `${name}: the main.ts of the README handles a delivery`, run: () => handleOne(cwd, node) },
        ...(major === 11
          ? [
              {
                name: `${name}: bundled by the webpack of the Nest command line, it handles a delivery`,
                async run() {
                  await output('npx', ['--no-install', 'nest', 'build', '--webpack'], { cwd });
                  await handleOne(cwd, node);
                  await output('npm', ['run', '-s', 'build'], { cwd });
                },
              },
            ]
          : []),
        { name: `${name}: the OpenAPI document leaves the route out`, run: () => openApi(cwd) },
      ],
    };
  });
}

/** The packages of the install block of the README, without ours. */
async function documentedPackages(major) {
  const readme = await readFile(join(repository, 'README.md'), 'utf8');
  const [, block = ''] = new RegExp(`\\*\\*Nest ${major}:\\*\\*\\n\\n\`\`\`sh\\n([^\`]+)`).exec(readme) ?? [];
  const packages = block.match(/(?<=install ).+/g)?.flatMap((line) => line.trim().split(/\s+/)) ?? [];
  assert.ok(packages.length > 5, `The README has no install lines for Nest ${major}.`);
  return packages.filter((one) => one !== 'nestjs-cr3dentials-webhook');
}

/** Without scripts: the driver would be compiled. This repository has it compiled for this Node. */
async function install(cwd, packages) {
  await output('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', ...packages], {
    cwd,
  });
  const build = join(cwd, 'node_modules/better-sqlite3/build');
  await rm(build, { recursive: true, force: true });
  await cp(join(dirname(require.resolve('better-sqlite3/package.json')), 'build'), build, { recursive: true });
}

async function addDocumentedFiles(cwd, spec) {
  await cp(join(compat, 'fresh', spec), join(cwd, 'src/accounts.spec.ts'));
  await cp(join(repository, 'examples/testing/app.module.ts'), join(cwd, 'src/app.module.ts'));
  await cp(join(repository, 'examples/minimal/main.ts'), join(cwd, 'src/main.ts'));
}

/** As `npm run lint` does, but without writing. */
async function lint(cwd, major) {
  if (major >= 12) return output('npm', ['run', '-s', 'lint'], { cwd });
  return output('npx', ['--no-install', 'eslint', '--max-warnings', '0', 'src/**/*.ts'], { cwd });
}

async function handleOne(cwd, node) {
  const port = await freePort();
  const env = { ...under(node), CR3D_WEBHOOK_SECRET: SECRET };
  const settings = { PORT: String(port), DATABASE_PATH: join(cwd, 'accounts.sqlite') };
  const app = spawn(node.bin, ['dist/main.js'], { cwd, env: { ...process.env, ...env, ...settings } });
  const exit = once(app, 'exit');
  const lines = [];
  for (const stream of [app.stdout, app.stderr]) createInterface(stream).on('line', (line) => lines.push(line));
  try {
    const url = `http://127.0.0.1:${port}/webhook/cr3dentials`;
    // It sends again until the app listens.
    const patience = ['--retries', '8', '--backoff', '250ms', '--json'];
    const args = [
      '--no-install',
      'nestjs-cr3dentials-webhook',
      'simulate',
      '--url',
      url,
      '--secret-env',
      'CR3D_WEBHOOK_SECRET',
    ];
    const { failed, statusCodes } = JSON.parse(await output('npx', [...args, ...patience], { cwd, env }));
    assert.deepEqual({ failed, statusCodes }, { failed: 0, statusCodes: { 200: 1 } });
  } finally {
    app.kill('SIGTERM');
    await exit;
  }
  const said = lines.join('\n');
  assert.match(said, /Activated the account of session/);
  assert.doesNotMatch(said, / (ERROR|WARN|FATAL) \[/);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks the real @nestjs/swagger, with the app that was built. */
async function openApi(cwd) {
  const script = `
    process.env.CR3D_WEBHOOK_SECRET = '${SECRET}';
    const { NestFactory } = await import('@nestjs/core');
    const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
    const { AppModule } = await import('./dist/app.module.js');
    const app = await NestFactory.create(AppModule, { logger: false });
    console.log(JSON.stringify(SwaggerModule.createDocument(app, new DocumentBuilder().build()).paths));
    await app.close();`;
  assert.equal((await output('node', ['--input-type=module', '-e', script], { cwd })).trim(), '{}');
}
