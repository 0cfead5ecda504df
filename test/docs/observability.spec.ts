import { describe, expect, it } from '@jest/globals';
import { occurrences } from 'nestjs-cr3dentials-webhook';
import ts from 'typescript';
import { metricNames, definitionOf } from '../../src/metrics/metric.definitions.js';
import { prometheusName } from '../../src/metrics/prometheus.names.js';
import { rowsOf, textOf } from '../support/sources/documents.js';
import { nodesOf, sourceFile } from '../support/sources/source-files.js';

const DOCUMENT = 'docs/observability.md';

/** The fields of each message, as the types have them. */
function fieldsOfMessages(): Map<string, string[]> {
  const { tree } = sourceFile('instrumentation/occurrences.ts');
  const interfaces = [...nodesOf(tree)].filter((node) => ts.isInterfaceDeclaration(node));
  const [plain, attempt] = ['Occurrences', 'AttemptMessage'].map((name) =>
    interfaces.find((one) => one.name.text === name),
  );
  if (!plain || !attempt) throw new Error('The types of the messages have moved.');
  const messages = plain.members.flatMap((member) =>
    ts.isPropertySignature(member) && member.type ? [[nameOf(member), fieldsOf(member.type)] as const] : [],
  );
  return new Map([...messages, ['attempt', fieldsOf(attempt).filter((name) => name !== 'instance')]]);
}

function fieldsOf(type: ts.Node): string[] {
  return [...nodesOf(type)].filter((node) => ts.isPropertySignature(node) && node.parent === type).map(nameOf);
}

function nameOf(node: ts.Node): string {
  return (node as ts.PropertySignature).name.getText().replaceAll("'", '');
}

describe('the occurrences of docs/observability.md', () => {
  const rows = rowsOf(textOf(DOCUMENT, 'What happened')).slice(1);
  const documented = new Map(rows.map(([name = '', , fields = '']) => [name.replaceAll('`', ''), fields]));
  const messages = fieldsOfMessages();

  it('are all there are', () => {
    expect([...documented.keys()].toSorted()).toEqual([...occurrences].toSorted());
    expect([...messages.keys()].toSorted()).toEqual([...occurrences].toSorted());
  });

  it.each([...occurrences])('name each field of %s', (name) => {
    const named = [...(documented.get(name) ?? '').matchAll(/`(\w+)`/g)].map(([, field]) => field);
    expect(named).toEqual(expect.arrayContaining(messages.get(name) ?? []));
  });
});

describe('the problems of docs/observability.md', () => {
  it('are all there are', () => {
    const { tree } = sourceFile('operations/inbox.health.ts');
    const codes = [...nodesOf(tree)]
      .filter((node) => ts.isTypeAliasDeclaration(node))
      .filter(({ name }) => name.text === 'HealthProblemCode')
      .flatMap(({ type }) =>
        [...nodesOf(type)].filter((node) => ts.isLiteralTypeNode(node)).map((node) => node.getText()),
      );
    const rows = rowsOf(textOf(DOCUMENT, 'Health')).map(([code = '']) => code.replaceAll('`', ''));
    expect(codes.length).toBeGreaterThan(9);
    expect(rows).toEqual(expect.arrayContaining(codes.map((code) => code.replaceAll("'", ''))));
  });
});

describe('the metrics of docs/observability.md', () => {
  const rows = rowsOf(textOf(DOCUMENT, 'Metrics'))
    .slice(1)
    .map((cells) => cells.map((cell) => cell.replaceAll('`', '')));

  it.each([...metricNames])('have %s as it is', (name) => {
    const { kind, unit, attributes, description } = definitionOf(name);
    const known = [
      kind === 'observable-counter' ? 'counter' : kind,
      unit,
      attributes.join(', '),
      description,
      prometheusName(name),
    ];
    expect(rows.find(([documented]) => documented === name)?.slice(1)).toEqual(known);
  });

  it('are all there are', () => {
    expect(rows.map(([name]) => name)).toEqual([...metricNames]);
  });
});
