import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { parseExtras, parseOptions } from '../../src/cr3dentials-webhook.options.js';
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

/** As `outer.inner` for a field within a field. */
function pathOf(field: ts.PropertySignature): string {
  const outer = ts.isTypeLiteralNode(field.parent) ? field.parent.parent : undefined;
  const name = field.name.getText();
  return outer && ts.isPropertySignature(outer) ? `${pathOf(outer)}.${name}` : name;
}

const OPTIONS = 'cr3dentials-webhook.options.ts';
const under = (prefix: string, names: string[]) => names.map((name) => `${prefix}.${name}`);
const options = [
  ...fieldsOf(OPTIONS, 'Cr3dentialsWebhookOptions'),
  ...fieldsOf(OPTIONS, 'Cr3dentialsWebhookExtras'),
  ...fieldsOf('http/http.options.ts', 'HttpOptions'),
  ...under('auth', fieldsOf('authentication/auth.options.ts', 'AuthOptions')),
  ...under('auth.secrets[]', fieldsOf('authentication/shared-secrets.ts', 'SharedSecret')),
  ...under('database', fieldsOf('database/database.options.ts', 'DatabaseOptions')),
  ...under('receiving', fieldsOf('inbox/receiving.options.ts', 'ReceivingOptions')),
  ...under('processing', fieldsOf('processing/processing.options.ts', 'ProcessingOptions')),
  ...under('encryption', [
    ...fieldsOf('encryption/encryption.options.ts', 'CommonOptions'),
    ...fieldsOf('encryption/encryption.options.ts', 'EncryptionOptions'),
  ]),
  ...under('retention', fieldsOf('retention/retention.options.ts', 'RetentionOptions')),
  ...under('encryption.keys[]', fieldsOf('encryption/encryption.options.ts', 'EncryptionKeyOption')),
  ...under('encryption.cache', fieldsOf('encryption/encryption.options.ts', 'KeyCacheOptions')),
  ...under('observe', fieldsOf('instance-reports/observe.options.ts', 'ObserveOptions')),
  ...under('processing.retry', fieldsOf('processing/processing.options.ts', 'RetryOptions')),
];

describe('docs/configuration.md', () => {
  it('has every option there is, and no other', () => {
    expect(sections.toSorted()).toEqual(options.toSorted());
    expect(options).toEqual(
      expect.arrayContaining(['auth.secrets[].notAfter', 'processing.lease', 'processing.retry.jitter', 'path']),
    );
  });

  it.each(options)('shows %s in an example', (option) => {
    const examples = blocks().filter(({ document, heading }) => document === DOCUMENT && heading === `\`${option}\``);
    const [name = ''] = option.split('.').slice(-1);
    expect(examples.some(({ code }) => new RegExp(String.raw`\b${name}\b`).test(code))).toBe(true);
  });

  const { http, ...extras } = parseExtras({});
  const settings: Record<string, unknown> = { ...parseOptions({ auth: 'none' }), ...extras, ...http, path: http.paths };
  const said = sections.flatMap((option) => {
    const [, value] = /^Default: `(.+)`\./m.exec(textOf(DOCUMENT, `\`${option}\``)) ?? [];
    return value === undefined ? [] : [[option, value] as const];
  });

  it('says what the defaults are', () => {
    expect(said.length).toBeGreaterThan(14);
  });

  it.each(said)('says the default of %s: %s', (option, value) => {
    const path = option.split('.');
    const actual = path.reduce<unknown>((found, name) => (found as Record<string, unknown>)[name], settings);
    const expected: unknown = JSON.parse(value.replaceAll("'", '"').replaceAll('_', ''));
    expect(option === 'path' ? actual : expected).toEqual(option === 'path' ? [`/${String(expected)}`] : actual);
  });

  it('says the default header, which is that of the portal’s example', () => {
    expect(said).toContainEqual(['auth.header', "'X-API-Key'"]);
  });
});
