import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { promisify } from 'node:util';

interface Packed {
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}
interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly scripts?: Record<string, string>;
  readonly repository?: { readonly url: string };
  readonly exports: Record<string, string | Record<string, Record<string, string>>>;
}

const run = promisify(execFile);
const manifestOf = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as Manifest;

const within = (stated: number | undefined, real: number) => Math.abs(1 - (stated ?? 0) / real) < 0.1;

/** The files that a document links to, by its own place. */
async function linksIn(from: string): Promise<{ from: string; to: string }[]> {
  const text = await readFile(from, 'utf8');
  return [...text.matchAll(/\]\(((?!https?:|#)[^)#\s]+)[^)]*\)/g)].map(([, target = '']) => ({
    from,
    to: posix.join(posix.dirname(from), target),
  }));
}

let packed: Packed;
let paths: string[];

beforeAll(async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']);
  [packed] = Object.values(JSON.parse(stdout) as Record<string, Packed>) as [Packed];
  paths = packed.files.map(({ path }) => path);
});

describe('the package, as built', () => {
  it('holds what a user needs, and nothing else', () => {
    const others = paths.filter(
      (path) => !/^(dist\/.+\.(js|d\.ts)|docs\/.+\.(md|svg)|observability\/.+\.(yml|json))$/.test(path),
    );
    expect(others.toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'UPGRADING.md',
      'dist/cjs/package.json',
      'dist/cli.cjs',
      'dist/dashboard-page.cjs',
      'package.json',
    ]);
    expect(paths.filter((path) => /\.spec\.|(^|\/)(test|bench|examples?)\//.test(path))).toEqual([]);
  });

  it('holds the documents, for who reads them in node_modules', () => {
    expect(paths).toEqual(expect.arrayContaining(['docs/README.md', 'docs/configuration.md', 'docs/operations.md']));
  });

  it('has no link to a file that it does not hold, but to pictures, which would be a quarter of it', async () => {
    const documents = paths.filter((path) => path.endsWith('.md'));
    const links = (await Promise.all(documents.map(linksIn))).flat();
    expect(links.length).toBeGreaterThan(50);
    const dead = links.filter(({ to }) => !paths.some((path) => path === to || path.startsWith(`${to}/`)));
    expect(dead.filter(({ to }) => !to.endsWith('.png'))).toEqual([]);
    await Promise.all(dead.map(({ to }) => access(to))); // they are in the repository
  });

  it('is built before it is packed, also in a clean clone', async () => {
    const { scripts } = await manifestOf('package.json');
    expect(scripts?.prepack).toBe('npm run -s build');
  });

  it('says at once what npm start does: the build is silent', async () => {
    const { scripts } = await manifestOf('package.json');
    const steps = scripts?.start?.split(' && ') ?? [];
    const builds = steps.flatMap((step, n) => (step.startsWith('npm run -s build') ? [steps[n - 1]] : []));
    expect(builds).toEqual([expect.stringMatching(/^echo "Building/), expect.stringMatching(/^echo "Building/)]);
  });

  it('says where it comes from: npm resolves the links of the README by it', async () => {
    const { repository } = await manifestOf('package.json');
    expect(repository?.url).toMatch(/^git\+https:.+\/nestjs-cr3dentials-webhook\.git$/);
  });

  it('holds every file that its exports name', async () => {
    const { exports } = await manifestOf('package.json');
    const named = Object.values(exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry).flatMap((kind) => Object.values(kind)),
    );
    expect(named).toHaveLength(33);
    expect(paths).toEqual(expect.arrayContaining(named.map((path) => path.replace('./', ''))));
  });

  it('holds the same files in both module kinds', () => {
    const commonJs = paths.filter((path) => /^dist\/cjs\/.+\.(js|d\.ts)$/.test(path));
    const esModules = paths.filter((path) => /^dist\/(?!cjs\/).+\.(js|d\.ts)$/.test(path));
    expect(commonJs.map((path) => path.replace('/cjs/', '/')).toSorted()).toEqual(esModules.toSorted());
    expect(esModules.length).toBeGreaterThan(100);
  });

  it('is of the size that the README states, within a tenth', async () => {
    const readme = await readFile('README.md', 'utf8');
    const [, size, unpackedSize, files] =
      /It is (\d+) kB packed and (\d+) kB unpacked, in (\d+) files/.exec(readme)?.map(Number) ?? [];
    const real = { size: packed.size / 1000, unpackedSize: packed.unpackedSize / 1000, files: paths.length };
    expect({ real, isAsStated: within(size, real.size) }).toEqual({ real, isAsStated: true });
    expect({ real, isAsStated: within(unpackedSize, real.unpackedSize) }).toEqual({ real, isAsStated: true });
    expect({ real, isAsStated: within(files, real.files) }).toEqual({ real, isAsStated: true });
  });

  it('brings two dependencies at most, and runs nothing when it is installed', async () => {
    const own = await manifestOf('package.json');
    const names = Object.keys(own.dependencies ?? {});
    expect(names.length).toBeLessThanOrEqual(2);
    const manifests = await Promise.all(names.map((name) => manifestOf(`node_modules/${name}/package.json`)));
    const scripts = [own, ...manifests].flatMap((manifest) => Object.keys(manifest.scripts ?? {}));
    expect(scripts.filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
    expect(scripts).toContain('build');
    expect(manifests.map(({ dependencies = {} }) => dependencies)).toEqual(names.map(() => ({})));
  });
});
