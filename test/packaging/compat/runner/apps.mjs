import { cp, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildOtherwise, bundleByNest } from './builds.mjs';
import { output } from './process.mjs';

const compat = join(import.meta.dirname, '..');
const repository = join(compat, '../../..');

/** Every app, each with a lock file; or with another's, and then it is the same app in the other module kind. */
export const apps = [
  { name: 'nest11-commonjs', type: 'commonjs', isEverywhere: true, hasCrowd: true, isBundled: true },
  { name: 'nest12-esm', type: 'module', isEverywhere: true, hasCrowd: true },
  { name: 'nest11-esm', type: 'module', like: 'nest11-commonjs', hasCrowd: true },
  { name: 'nest12-commonjs', type: 'commonjs', like: 'nest12-esm', hasCrowd: true },
  { name: 'lowest-peers', type: 'commonjs' },
];

/** The package as it would be published. */
export async function pack(folder) {
  await output('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: repository });
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  return join(folder, tarball);
}

/** Sets an app up outside of the repository, whose own dependencies it must not find, and builds it. */
export async function setUp({ name, type, like = name, hasCrowd = false, isBundled = false }, folder, tarball) {
  const cwd = join(folder, name);
  await cp(join(compat, 'host'), cwd, { recursive: true });
  if (hasCrowd) await cp(join(compat, 'crowd'), cwd, { recursive: true });
  await cp(join(compat, like), cwd, { recursive: true });
  const manifest = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'));
  await writeFile(join(cwd, 'package.json'), JSON.stringify({ ...manifest, type }, null, 2));
  if (like === name) await install(cwd, tarball);
  else await symlink(join(folder, like, 'node_modules'), join(cwd, 'node_modules'));
  if (like === name && existsSync(join(cwd, 'prisma'))) await generatePrisma(cwd);
  await output('npm', ['run', '-s', 'build'], { cwd });
  if (hasCrowd) await buildOtherwise(cwd, type);
  if (isBundled) await bundleByNest(cwd);
}

/** The tarball by `npm install`, which refuses it where its peers do not fit; all else by the lock file. */
async function install(cwd, tarball) {
  await output('npm', ['ci', '--prefer-offline'], { cwd });
  await output('npm', ['install', '--no-save', '--prefer-offline', tarball], { cwd });
}

/** Prisma would download a binary that only its migrations need. */
async function generatePrisma(cwd) {
  const env = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: 'true' };
  await output('npx', ['--no-install', 'prisma', 'generate', '--schema', 'prisma/schema.prisma'], { cwd, env });
}

/** A folder with our package and TypeORM, and no Nest. */
export async function withoutNest(folder, app) {
  const cwd = join(folder, `${app}-without-nest`);
  const installed = join(folder, app, 'node_modules');
  const modules = join(cwd, 'node_modules');
  await mkdir(modules, { recursive: true });
  await cp(join(installed, 'nestjs-cr3dentials-webhook'), join(modules, 'nestjs-cr3dentials-webhook'), {
    recursive: true,
  });
  await symlink(join(installed, 'typeorm'), join(modules, 'typeorm'));
  return cwd;
}
