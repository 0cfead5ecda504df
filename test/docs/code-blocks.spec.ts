import { beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DeliveryState } from 'nestjs-cr3dentials-webhook';
import { blocks, blocksOf, documents, textOf, type Block } from '../support/sources/documents.js';
import { commandsOf, unknownIn } from '../support/sources/shell-commands.js';
import { root, typeCheck, type TypeCheck } from '../support/sources/type-check.js';

const all = blocks();
const of = (language: string) =>
  all.filter((block) => block.language === language).map((block) => [place(block), block] as const);
const place = ({ document, line }: Block) => `${document}:${line}`;

const STATES = ['pending', 'processing', 'completed', 'dead', 'unhandled', 'discarded', 'erased', '[*]'] satisfies (
  DeliveryState | '[*]'
)[];

/** As a module of its own, behind what it says that it assumes. */
const sourceOf = ({ says, code }: Block) => `${says.assumes ?? ''}\n${code}\nexport {};\n`;
/** In this folder, where everything that a host installs is found. */
const fileOf = (block: Block) => join(root, `${place(block).replaceAll(/\W+/g, '-')}.fixture.ts`);

/** A transition or a description that is none of a delivery. */
function wrongInDiagram(code: string): string[] {
  return code
    .trim()
    .split('\n')
    .slice(1)
    .filter((line) => {
      const [, from = '', to = ''] = /^\s+(\S+) --> (\S+): .+$/.exec(line) ?? [];
      return ![from, to].every((state) => (STATES as string[]).includes(state));
    });
}

describe('every code block', () => {
  it('is found', () => {
    expect(new Set(all.map(({ document }) => document)).size).toBeGreaterThan(7);
    expect(all.length).toBeGreaterThan(40);
  });

  it('is in a language that is checked here', () => {
    const checked = new Set(['ts', 'json', 'sh', 'sql', 'mermaid']);
    expect(all.filter(({ language }) => !checked.has(language)).map(place)).toEqual([]);
  });
});

describe('TypeScript', () => {
  const compiled = all.filter(({ language, says }) => language === 'ts' && !says.file);
  const shown = all.filter(({ language, says }) => language === 'ts' && says.file);
  const wrong = blocksOf('wrong.md', '```ts\nOnVerification({ idd: 7 });\n```').map((block) => ({
    ...block,
    says: { assumes: "import { OnVerification } from 'nestjs-cr3dentials-webhook';" },
  }));
  let check: TypeCheck;

  beforeAll(() => {
    check = typeCheck(new Map([...compiled, ...wrong].map((block) => [fileOf(block), sourceOf(block)])));
  }, 120_000);

  it.each(compiled.map((block) => [place(block), block] as const))('of %s compiles', (_, block) => {
    expect(check.problems(fileOf(block))).toEqual([]);
  });

  it.each(shown.map((block) => [place(block), block] as const))('of %s is the file it names', (_, block) => {
    expect(block.code).toBe(readFileSync(block.says.file ?? '', 'utf8'));
  });

  it('that is wrong would not compile', () => {
    expect(wrong.flatMap((block) => check.problems(fileOf(block)))).toHaveLength(1);
  });
});

describe('JSON', () => {
  it.each(of('json'))('of %s can be read', (_, { code }) => {
    expect(JSON.parse(code)).toEqual(expect.any(Object));
  });

  it('that is wrong would not be read', () => {
    expect(() => JSON.parse("{ 'status': COMPLETED }")).toThrow(SyntaxError);
  });
});

describe('a command', () => {
  it.each(of('sh'))('of %s names nothing that does not exist', (_, { code }) => {
    expect(commandsOf(code)).not.toEqual([]);
    expect(commandsOf(code).map(unknownIn).filter(Boolean)).toEqual([]);
  });

  it.each([
    ['npm run biuld', 'the script "biuld"'],
    ['npm cy', 'npm cy'],
    ['npm ci && frobnicate', 'the program "frobnicate"'],
    ['npx nestjs-cr3dentials-webhook simulat', 'the subcommand "simulat"'],
    ['npx nestjs-cr3dentials-webhook simulate --url x --coutn 5', '--coutn'],
    ['npx typeorm migration:rn -d dist/data-source.js', 'typeorm migration:rn'],
    ['node examples/dist/minimal/mian.js', 'the file "examples/dist/minimal/mian.js"'],
  ])('that is wrong would be found: %s', (command, unknown) => {
    expect(commandsOf(command).map(unknownIn).filter(Boolean)).toEqual([unknown]);
  });
});

describe('a diagram', () => {
  it.each(of('mermaid'))('of %s has the states of a delivery', (_, { code }) => {
    expect(code).toMatch(/^stateDiagram-v2\n/);
    expect(wrongInDiagram(code)).toEqual([]);
  });

  it('fails for an unknown state', () => {
    expect(wrongInDiagram('stateDiagram-v2\n    pending --> done: by magic\n')).toHaveLength(1);
  });
});

describe('a link', () => {
  const links = documents().flatMap((document) =>
    [...textOf(document).matchAll(/\]\(((?!https?:)[^)\s]+)\)/g)].map(([, target = '']) => [document, target] as const),
  );

  it.each(links)('from %s to %s leads somewhere', (document, target) => {
    const [path = '', anchor] = target.split('#');
    const file = path ? join(dirname(document), path) : document;
    expect(existsSync(file)).toBe(true);
    expect(anchorsOf(file)).toEqual(expect.arrayContaining(anchor ? [anchor] : []));
  });

  /** What is not in the package is named by its address: whoever reads in node_modules finds it too. */
  const addresses = documents().flatMap((document) =>
    [
      ...textOf(document).matchAll(
        /\]\((https:\/\/github\.com\/cr3dentials\/[^/]+\/(blob|tree)\/main\/([^)#\s]+)[^)]*)\)/g,
      ),
    ].map(([, address = '', kind = '', path = '']) => [document, address, kind, path] as const),
  );

  it.each(addresses)('from %s to %s leads somewhere in this repository', (_, __, kind, path) => {
    expect(statSync(path).isDirectory()).toBe(kind === 'tree');
  });

  it('into this repository is found', () => {
    expect(addresses.length).toBeGreaterThan(10);
  });
});

/** As the readers of Markdown name headings. */
function anchorsOf(file: string): string[] {
  if (!file.endsWith('.md')) return [];
  return [...textOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}
