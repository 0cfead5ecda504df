import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { withDefaultExtras, withDefaults } from '../../src/cr3dentials-webhook.options.js';
import { blocks, textOf } from '../support/sources/documents.js';
import { nodesOf, sourceFile } from '../support/sources/source-files.js';

const DOCUMENT = 'docs/configuration.md';
const text = textOf(DOCUMENT);
const sections = [...text.matchAll(/^### `(.+)`$/gm)].map(([, name = '']) => name);

/** The fields of an interface, or of every object in a type. */
function fieldsOf(file: string, type: string): string[] {
  const declaration = [...nodesOf(sourceFile(file).tree)].find(
    (node): node is ts.InterfaceDeclaration | ts.TypeAliasDeclaration =>
      (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) && node.name.text === type,
  );
  if (!declaration) throw new Error(`${file} has no ${type}.`);
  const fields = [...nodesOf(declaration)].filter((node) => ts.isPropertySignature(node));
  return [...new Set(fields.map(pathOf))];
}

/** As `lease.duration` for a field within a field. */
function pathOf(field: ts.PropertySignature): string {
  const outer = ts.isTypeLiteralNode(field.parent) ? field.parent.parent : undefined;
  const name = field.name.getText();
  return outer && ts.isPropertySignature(outer) ? `${pathOf(outer)}.${name}` : name;
}

const OPTIONS = 'cr3dentials-webhook.options.ts';
const under = (prefix: string, names: string[]) => names.map((name) => `${prefix}.${name}`);
const options = [
  ...fieldsOf(OPTIONS, 'Cr3dentialsWebhookOptions').filter((name) => !['lease', 'poll'].includes(name)),
  ...fieldsOf(OPTIONS, 'Cr3dentialsWebhookExtras'),
  ...under('auth', fieldsOf(OPTIONS, 'AuthOptions')),
  ...under('auth.secrets[]', fieldsOf('authentication/shared-secrets.ts', 'SharedSecret')),
  ...under('processing', fieldsOf(OPTIONS, 'ProcessingOptions')),
  ...under('retry', fieldsOf('processing/dispatch/retry.policy.ts', 'RetryOptions')),
];

describe('docs/configuration.md', () => {
  it('has every option there is, and no other', () => {
    expect(sections.toSorted()).toEqual(options.toSorted());
    expect(options).toEqual(
      expect.arrayContaining(['auth.secrets[].notAfter', 'lease.duration', 'retry.jitter', 'path']),
    );
  });

  it.each(options)('shows %s in an example', (option) => {
    const examples = blocks().filter(({ document, heading }) => document === DOCUMENT && heading === `\`${option}\``);
    const [name = ''] = option.split('.').slice(-1);
    expect(examples.some(({ code }) => new RegExp(String.raw`\b${name}\b`).test(code))).toBe(true);
  });

  const settings: Record<string, unknown> = { ...withDefaults({ auth: 'none' }), ...withDefaultExtras({}) };
  const said = sections.flatMap((option) => {
    const [, value] = /^Default: `(.+)`\./m.exec(textOf(DOCUMENT, `\`${option}\``)) ?? [];
    return value === undefined ? [] : [[option, value] as const];
  });

  it('says what the defaults are', () => {
    expect(said.length).toBeGreaterThan(14);
  });

  it.each(said.filter(([option]) => option !== 'auth.header'))('says the default of %s: %s', (option, value) => {
    const path = option.split('.');
    const actual = path.reduce<unknown>((found, name) => (found as Record<string, unknown>)[name], settings);
    const expected: unknown = JSON.parse(value.replaceAll("'", '"').replaceAll('_', ''));
    expect(option === 'path' ? actual : expected).toEqual(option === 'path' ? [`/${String(expected)}`] : actual);
  });

  it('says the default header, which is that of the portal’s example', () => {
    expect(said).toContainEqual(['auth.header', "'X-API-Key'"]);
    expect(sourceFile('authentication/cr3dentials-webhook.guard.ts').text).toContain("auth.header ?? 'X-API-Key'");
  });
});
