import { describe, expect, it } from '@jest/globals';
import * as api from 'nestjs-cr3dentials-webhook';
import * as migrations from 'nestjs-cr3dentials-webhook/migrations';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import {
  importedFile,
  runtimeImportsOf,
  sourceFile,
  sourceFiles,
  type SourceFile,
} from '../support/sources/source-files.js';

const index = sourceFile('index.ts');
/** The source of what package.json lets a host import. */
const entries = subpaths().map((name) => sourceFile(name));

function subpaths(): string[] {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    exports: Record<string, string | Record<'import' | 'require', { types: string; default: string }>>;
  };
  return Object.values(exports)
    .filter((target) => typeof target === 'object')
    .map((target) => target.import.default.replace('./dist/', '').replace('.js', '.ts'));
}

/** Folders of features that stand on top of the core, each a subpath of its own. */
const ON_TOP = /^(bullmq|terminus|dashboard|opentelemetry|prom-client)\//;
/** Their peers. */
const OPTIONAL = /^(@opentelemetry\/|@nestjs\/(terminus|bullmq)$|bullmq$|ioredis$|prom-client$)/;

/** Name and declaring file of everything that a file passes on, itself or through lists that it passes on whole. */
function passedOnBy(file: SourceFile): { name: string; declaring: SourceFile }[] {
  return file.tree.statements
    .filter((node) => ts.isExportDeclaration(node))
    .flatMap(({ exportClause, moduleSpecifier }) => {
      if (!moduleSpecifier || !ts.isStringLiteral(moduleSpecifier)) throw new Error('An export without an origin.');
      const declaring = importedFile(file, moduleSpecifier.text);
      if (!exportClause) return passedOnBy(declaring);
      if (!ts.isNamedExports(exportClause)) throw new Error('An export of a namespace.');
      return exportClause.elements.map(({ name }) => ({ name: name.text, declaring }));
    });
}

/** The declarations of a file that carry `@publicApi`. */
function publicIn({ tree }: SourceFile): string[] {
  return tree.statements
    .filter((node) => ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'publicApi'))
    .flatMap((node) => {
      if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText());
      return ts.isExportDeclaration(node) ? [] : [(node as ts.DeclarationStatement).name?.getText() ?? ''];
    });
}

/** Every file that runs when this one is imported, and every package. */
function loadedBy(file: SourceFile, seen = new Set([file.name])): Set<string> {
  for (const specifier of runtimeImportsOf(file)) {
    if (!specifier.startsWith('.')) {
      seen.add(specifier);
      continue;
    }
    const imported = importedFile(file, specifier);
    if (seen.has(imported.name)) continue;
    seen.add(imported.name);
    loadedBy(imported, seen);
  }
  return seen;
}

describe('the public API', () => {
  it('is these values, and no more', () => {
    expect(Object.keys(api).toSorted()).toEqual([
      'Clock',
      'Cr3dentialsWebhookError',
      'Cr3dentialsWebhookInbox',
      'Cr3dentialsWebhookModule',
      'KeyProvider',
      'OnVerification',
      'PermanentError',
      'RetryAfterError',
      'VerificationCancelled',
      'VerificationCompleted',
      'VerificationErrored',
      'VerificationPartiallyCompleted',
      'VerificationPayload',
      'VerificationTerminated',
      'cr3dentialsWebhookEntities',
      'cr3dentialsWebhookMigrations',
      'occurrences',
      'onOccurrence',
      'verificationStatuses',
    ]);
  });

  it('names each export: nothing slips out', () => {
    expect(passedOnBy(index).length).toBeGreaterThan(Object.keys(api).length);
    expect(index.tree.statements.every((node) => ts.isExportDeclaration(node))).toBe(true);
  });

  it.each(
    entries.flatMap((entry) => passedOnBy(entry).map(({ name, declaring }) => [name, entry.name, declaring] as const)),
  )('says so in the doc comment of %s, exported from %s', (name, _entry, declaring) => {
    expect(publicIn(declaring)).toContain(name);
  });

  it('loads no package that only an optional feature needs, and names none in its types', () => {
    expect([...loadedBy(index)].filter((name) => OPTIONAL.test(name))).toEqual([]);
    const core = sourceFiles().filter(({ name }) => !ON_TOP.test(name));
    const named = core.flatMap(({ name, text }) =>
      [...text.matchAll(/from '([^'.][^']*)'/g)].map(([, specifier]) => `${name}: ${specifier}`),
    );
    expect(named.filter((line) => OPTIONAL.test(line.split(': ')[1] ?? ''))).toEqual([]);
    expect(OPTIONAL.test('@opentelemetry/api')).toBe(true);
    expect([...loadedBy(sourceFile('terminus/index.ts'))]).toContain('@nestjs/terminus');
    expect([...loadedBy(sourceFile('opentelemetry/index.ts'))]).toContain('@opentelemetry/api');
    expect([...loadedBy(sourceFile('prom-client/index.ts'))]).toContain('prom-client');
  });

  it('holds everything that says it is public', () => {
    const passedOn = new Set(entries.flatMap((entry) => passedOnBy(entry)).map(({ name }) => name));
    const said = sourceFiles().flatMap((file) => publicIn(file));
    expect(said.filter((name) => !passedOn.has(name))).toEqual([]);
    expect(said.length).toBeGreaterThanOrEqual(passedOn.size);
  });
});

describe('the migrations subpath', () => {
  it('is these values, and no more', () => {
    expect(Object.keys(migrations).toSorted()).toEqual([
      'cr3dentialsWebhookEntities',
      'cr3dentialsWebhookMigrations',
      'migrateInTurn',
    ]);
  });

  it('gives the very ones of the root', () => {
    expect(migrations.cr3dentialsWebhookEntities).toBe(api.cr3dentialsWebhookEntities);
    expect(migrations.cr3dentialsWebhookMigrations).toBe(api.cr3dentialsWebhookMigrations);
    expect([...migrations.cr3dentialsWebhookEntities]).toHaveLength(14);
  });

  it("loads TypeORM alone, for the host's command line", () => {
    const loaded = [...loadedBy(sourceFile('inbox/migrations/index.ts'))];
    expect(loaded).toContain('inbox/delivery.entity.ts');
    expect(loaded.filter((name) => !name.endsWith('.ts') && !name.startsWith('node:'))).toEqual(['typeorm']);
  });

  it('is told apart from the root, which loads Nest', () => {
    expect([...loadedBy(index)]).toContain('@nestjs/common');
  });
});

describe('a migration', () => {
  it.each(migrations.cr3dentialsWebhookMigrations.map((migration) => [migration.name, migration] as const))(
    '%s carries its 13 digits in its name, from which TypeORM reads the order',
    (name, Migration) => {
      expect(new Migration().name).toBe(name);
      expect(name).toMatch(/^Cr3dentialsWebhook[A-Za-z]+\d{13}$/);
    },
  );

  it('stands in order, and none in the future of its release', () => {
    const timestamps = migrations.cr3dentialsWebhookMigrations.map(({ name }) => Number(name.slice(-13)));
    expect(timestamps).toEqual(timestamps.toSorted((a, b) => a - b));
    expect(new Set(timestamps).size).toBe(timestamps.length);
  });
});
