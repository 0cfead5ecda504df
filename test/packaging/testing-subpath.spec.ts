import { describe, expect, it } from '@jest/globals';
import { readFile, readdir } from 'node:fs/promises';
import { isBuiltin } from 'node:module';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFile(new URL(path, root), 'utf8');

/** What the files of a folder import by a package's name. */
async function packagesOf(folder: string): Promise<Set<string>> {
  const files = (await readdir(new URL(folder, root))).filter((file) => file.endsWith('.ts'));
  const sources = await Promise.all(files.map((file) => read(`${folder}/${file}`)));
  const imported = sources.flatMap((source) =>
    [...source.matchAll(/from '([^'.][^']*)'/g)].map(([, name = '']) => name),
  );
  return new Set(imported.filter((name) => !isBuiltin(name)));
}

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

describe('the subpath /testing', () => {
  it('imports nothing but what every host has: the command line is bundled, Jest is the host’s', async () => {
    const { dependencies, peerDependencies, devDependencies } = JSON.parse(await read('package.json')) as Manifest;
    const bundled = await packagesOf('src/cli');
    expect([...bundled].toSorted()).toEqual(['cli-progress', 'cli-table3', 'commander']);
    for (const name of bundled) {
      expect(devDependencies).toHaveProperty([name]);
      expect({ ...dependencies, ...peerDependencies }).not.toHaveProperty([name]);
    }
    const imported = await packagesOf('src/testing');
    expect([...imported]).toEqual(expect.arrayContaining(['@nestjs/core']));
    for (const name of imported) expect({ ...dependencies, ...peerDependencies }).toHaveProperty([name]);
  });

  it('is compiled without the command line, which would import what a host has not installed', async () => {
    expect(JSON.parse(await read('tsconfig.build.json'))).toMatchObject({
      exclude: expect.arrayContaining(['src/cli']),
    });
  });
});

const body = (test: string) => test.split('\n').filter((line) => !/^import|^} from/.test(line));

describe('docs/testing.md', () => {
  it('shows tests that differ from the one that runs here by their imports only', async () => {
    const [docs, here, ...shown] = await Promise.all([
      read('docs/testing.md'),
      read('examples/testing/accounts.spec.ts'),
      read('test/packaging/compat/fresh/accounts.vitest.ts'),
      read('test/packaging/compat/fresh/accounts.jest.ts'),
    ]);
    for (const test of shown) {
      expect(docs).toContain(`\`\`\`ts\n${test}\`\`\``);
      expect(body(test)).toEqual(body(here));
    }
    expect(body(here).length).toBeGreaterThan(20);
  });

  it('shows the app under test as it runs here', async () => {
    const [docs, app] = await Promise.all([read('docs/testing.md'), read('examples/testing/app.module.ts')]);
    expect(docs).toContain(`\`\`\`ts\n${app}\`\`\``);
  });
});
