import { beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../support/sources/type-check.js';

/** As an app that has not moved on: an older language, and declarations of packages checked too. */
const OLD_APP: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2021,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  skipLibCheck: false,
  experimentalDecorators: true,
  types: ['node'],
  noEmit: true,
};

let entries: string[];

/** Returns what the compiler says of our own declarations; those of others are not ours to judge. */
function problemsOf(names: readonly string[], options: ts.CompilerOptions): string[] {
  const program = ts.createProgram({ rootNames: [...names], options });
  return program
    .getSourceFiles()
    .filter(({ fileName }) => names.includes(fileName) || fileName.startsWith(join(root, 'dist/')))
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('the declarations of the package, as built', () => {
  beforeAll(async () => {
    const { exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      exports: Record<string, string | Record<string, { types: string }>>;
    };
    entries = Object.values(exports).flatMap((entry) =>
      typeof entry === 'string' ? [] : Object.values(entry).map(({ types }) => join(root, types)),
    );
  });

  it('are those of eight entry points in two module kinds', () => {
    expect(entries).toHaveLength(16);
  });

  it.each(['ES2021', 'ES2023'] as const)('compile for %s without skipLibCheck', (target) => {
    expect(problemsOf(entries, { ...OLD_APP, target: ts.ScriptTarget[target] })).toEqual([]);
  });

  it('are compared with what ES2021 has: a newer type is found', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'declarations-'));
    const file = join(folder, 'newer.d.ts');
    await writeFile(file, 'export declare function fail(options?: ErrorOptions): never;');
    const problems = problemsOf([file], OLD_APP);
    await rm(folder, { recursive: true });
    expect(problems).toEqual([expect.stringContaining("'ErrorOptions'")]);
  });
});
