import { describe, expect, it } from '@jest/globals';
import { posix } from 'node:path';
import ts from 'typescript';
import { nodesOf, runtimeImportsOf, sourceFiles, type SourceFile } from '../support/sources/source-files.js';

const files = sourceFiles();
/** The one place that asks this machine for the time; every rule asks the `Clock`. */
const TELLS_THE_TIME = 'database/database.clock.ts';

const STATEMENT = /\b(INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|SELECT\b|CREATE\s+TABLE|ALTER\s+TABLE|PRAGMA)\b/;

/** Asking for the columns of a table is how the schema is checked, and writing a row how its columns are. */
const MAY_HAVE_SQL =
  /^database\/|^inbox\/(migrations\/|(schema|round-trip)\.check\.ts$)|^(inbox|encryption|retention)\/.*\.(repository|queries)\.ts$/;

const HALF_A_SCREEN_LINES = 30;

/** Files without a folder that every folder may import. */
const GROUND = new Set(['clock.ts', 'new-id.ts', 'version.ts', 'cr3dentials-webhook.error.ts', 'option.checks.ts']);

/** The folders that each folder may import, beside itself and the ground. Arrows go down only. */
const mayImport: Record<string, readonly string[]> = {
  concurrency: [],
  instrumentation: ['concurrency'],
  http: ['concurrency', 'instrumentation'],
  authentication: ['http', 'instrumentation', 'concurrency'],
  contract: ['http', 'instrumentation', 'concurrency'],
  database: ['concurrency', 'instrumentation'],
  inbox: ['contract', 'database', 'instrumentation', 'concurrency'],
  encryption: ['inbox', 'contract', 'database', 'instrumentation', 'concurrency'],
  retention: ['inbox', 'database', 'instrumentation', 'concurrency'],
  processing: [],
  'processing/handlers': ['processing', 'inbox', 'contract', 'instrumentation', 'concurrency'],
  'processing/dispatch': [
    'processing',
    'processing/handlers',
    'inbox',
    'contract',
    'database',
    'instrumentation',
    'concurrency',
  ],
  'processing/worker': [
    'processing',
    'processing/dispatch',
    'processing/handlers',
    'inbox',
    'database',
    'instrumentation',
    'concurrency',
  ],
  'processing/queues': [
    'processing',
    'processing/dispatch',
    'processing/handlers',
    'inbox',
    'contract',
    'database',
    'instrumentation',
    'concurrency',
  ],
  'instance-reports': [
    'inbox',
    'contract',
    'database',
    'processing',
    'processing/handlers',
    'processing/worker',
    'authentication',
    'instrumentation',
    'concurrency',
  ],
  operations: [
    'instance-reports',
    'encryption',
    'retention',
    'inbox',
    'contract',
    'database',
    'processing',
    'processing/handlers',
    'processing/dispatch',
    'processing/worker',
    'authentication',
    'http',
    'instrumentation',
    'concurrency',
  ],
  testing: ['operations', 'inbox', 'contract', 'authentication', 'http', 'instrumentation', 'concurrency'],
  terminus: ['operations', 'concurrency'],
  // Of the inbox, it has types, and the place of a row in a list.
  dashboard: ['operations', 'inbox', 'contract', 'http', 'instrumentation', 'concurrency'],
  bullmq: [
    'operations',
    'processing/queues',
    'processing/dispatch',
    'processing/handlers',
    'contract',
    'instrumentation',
    'concurrency',
  ],
  metrics: ['instrumentation'],
  opentelemetry: ['metrics', 'processing/handlers', 'instrumentation'],
  'prom-client': ['metrics', 'instrumentation'],
  cli: ['testing', 'contract', 'concurrency', 'operations'],
  root: [
    'operations',
    'instance-reports',
    'retention',
    'encryption',
    'processing',
    'processing/handlers',
    'processing/dispatch',
    'processing/queues',
    'processing/worker',
    'inbox',
    'contract',
    'database',
    'authentication',
    'http',
    'instrumentation',
    'concurrency',
  ],
};

/** The folder that a file is in; `processing` has folders of its own. */
function roomOf(name: string): string {
  const folders = name.split('/').slice(0, -1);
  if (folders.length === 0) return GROUND.has(name) ? 'concurrency' : 'root';
  return folders.slice(0, folders[0] === 'processing' ? 2 : 1).join('/');
}

function isBelow(room: string, to: string): boolean {
  if (GROUND.has(to) || to.startsWith('..')) return true;
  return roomOf(to) === room || (mayImport[room] ?? []).includes(roomOf(to));
}

function arrowsFrom(room: string): { from: string; to: string }[] {
  return files
    .filter(({ name }) => roomOf(name) === room)
    .flatMap((file) => importsOf(file).map((to) => ({ from: file.name, to })));
}

function isFunction(node: ts.Node): boolean {
  return ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isConstructorDeclaration(node);
}

function place({ name, tree }: SourceFile, node: ts.Node): string {
  return `${name}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

function linesOf(node: ts.Node): number {
  return node.getText().split('\n').length;
}

/** Where something stands, as `file:line`. */
function places(isMeant: (node: ts.Node) => boolean, among: readonly SourceFile[] = files): string[] {
  return among.flatMap((file) =>
    [...nodesOf(file.tree)]
      .filter(isMeant)
      .map((node) => `${file.name}:${file.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`),
  );
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  const isDynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  return isDynamic ? node.arguments[0] : undefined;
}

/** The files that a file names, for their types too. */
function importsOf({ name, tree }: SourceFile): string[] {
  return [...nodesOf(tree)]
    .flatMap((node) => specifierOf(node) ?? [])
    .flatMap((specifier) => (ts.isStringLiteral(specifier) ? [specifier.text] : []))
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(name), specifier.replace(/\.js$/, '.ts')));
}

/** Drops what imports nothing of the others, again and again. What is left is in a circle, or leads into one. */
function circles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const left = new Map(imports);
  for (;;) {
    const ends = [...left].filter(([, names]) => !names.some((name) => left.has(name)));
    if (ends.length === 0) return [...left.keys()];
    for (const [name] of ends) left.delete(name);
  }
}

function isText(node: ts.Node): boolean {
  return ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
}

function hasSql(node: ts.Node): boolean {
  return isText(node) && STATEMENT.test(node.getText());
}

function asksMachineForTime(node: ts.Node): boolean {
  if (ts.isCallExpression(node)) return node.expression.getText() === 'Date.now';
  return ts.isNewExpression(node) && node.expression.getText() === 'Date' && node.arguments?.length === 0;
}

describe('the source', () => {
  it('is found', () => {
    expect(files.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['index.ts', 'database/sql.ts', 'processing/worker/in-flight.deliveries.ts']),
    );
  });

  it('has no file over 250 lines, and half of them under 80', () => {
    const lines = files.map(({ name, text }) => ({ name, lines: text.trimEnd().split('\n').length }));
    expect(lines.filter((file) => file.lines > 250)).toEqual([]);
    const sorted = lines.map((file) => file.lines).toSorted((a, b) => a - b);
    expect(sorted[sorted.length >> 1]).toBeLessThan(80);
  });

  it('has no "any"', () => {
    expect(places((node) => node.kind === ts.SyntaxKind.AnyKeyword)).toEqual([]);
  });

  it('silences neither the compiler nor the linter', () => {
    expect(
      files.filter(({ text }) => /@ts-|(ox|es)lint-disable|prettier-ignore/.test(text)).map(({ name }) => name),
    ).toEqual([]);
  });

  it('asks the clock for the time, not the machine', () => {
    const rules = files.filter(({ name }) => name !== TELLS_THE_TIME);
    expect(places(asksMachineForTime, rules)).toEqual([]);
    expect(places(asksMachineForTime)).not.toEqual([]);
  });

  it('imports packages by their roots only: what is deeper is not promised to stay', () => {
    const packages = files.flatMap((file) =>
      [...runtimeImportsOf(file)]
        .filter((specifier) => !/^(\.|node:)/.test(specifier))
        .map((specifier) => `${file.name}: ${specifier}`),
    );
    expect(packages.length).toBeGreaterThan(0);
    // Preact has its hooks in a subpath, which it promises. They are bundled with the page.
    expect(packages.filter((line) => !/: ((@[^/]+\/)?[^/]+|preact\/hooks)$/.test(line))).toEqual([]);
  });

  it('takes not even types from within Nest', () => {
    expect(places((node) => ts.isStringLiteral(node) && /^@nestjs\/[^/]+\//.test(node.text))).toEqual([]);
  });

  it('has its SQL in repositories, queries, migrations and in what talks to the database', () => {
    const others = files.filter(({ name }) => !MAY_HAVE_SQL.test(name));
    expect(places(hasSql, others)).toEqual([]);
    expect(places(hasSql)).not.toEqual([]);
  });

  it('has no circle of files', () => {
    expect(circles(new Map(files.map((file) => [file.name, importsOf(file)])))).toEqual([]);
    expect(circles(new Map(Object.entries({ a: ['b'], b: ['a'], c: ['a'], d: [] })))).toEqual(['a', 'b', 'c']);
  });

  it.each(Object.keys(mayImport))('imports into %s only what is below it', (room) => {
    const arrows = arrowsFrom(room);
    expect(arrows.length).toBeGreaterThan(0);
    expect(arrows.filter(({ to }) => !isBelow(room, to))).toEqual([]);
  });

  it('has a row for each of its folders, and would notice an import that goes up', () => {
    expect([...new Set(files.map(({ name }) => roomOf(name)))].toSorted()).toEqual(Object.keys(mayImport).toSorted());
    expect(isBelow('inbox', 'processing/worker/delivery.pool.ts')).toBe(false);
    expect(isBelow('processing/dispatch', 'processing/worker/lease.renewer.ts')).toBe(false);
    expect(isBelow('http', 'cr3dentials-webhook.options.ts')).toBe(false);
    expect(isBelow('root', 'testing/webhook.tester.ts')).toBe(false);
  });

  it('has no method over half a screen', () => {
    const long = files
      .filter(({ name }) => !name.includes('/migrations/'))
      .flatMap((file) =>
        [...nodesOf(file.tree)].filter(isFunction).map((node) => ({ place: place(file, node), lines: linesOf(node) })),
      );
    expect(long.filter(({ lines }) => lines > HALF_A_SCREEN_LINES)).toEqual([]);
    expect(long.some(({ lines }) => lines > HALF_A_SCREEN_LINES / 2)).toBe(true);
  });

  it('keeps nothing in a variable of a module: two apps in one process never meet', () => {
    expect(
      files.flatMap(({ name, tree }) =>
        tree.statements
          .filter((node) => ts.isVariableStatement(node))
          .filter(({ declarationList }) => (declarationList.flags & ts.NodeFlags.Const) === 0)
          .map((node) => `${name}: ${node.getText()}`),
      ),
    ).toEqual([]);
  });
});
