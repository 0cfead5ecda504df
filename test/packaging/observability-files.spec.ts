import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { metricNames, definitionOf } from '../../src/metrics/metric.definitions.js';
import { prometheusLabel, prometheusName } from '../../src/metrics/prometheus.names.js';

const PREFIX = 'cr3dentials_webhook_';
const read = (name: string) => readFile(join('observability', name), 'utf8');

/** Every name of a sample, with the labels that it may have. */
const samples = new Map<string, ReadonlySet<string>>(
  metricNames.flatMap((name) => {
    const { kind, attributes } = definitionOf(name);
    const labels = new Set(attributes.map(prometheusLabel));
    const endings = kind === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    return endings.map((ending) => [prometheusName(name) + ending, labels] as const);
  }),
);
const labels = new Set([...samples.values()].flatMap((set) => [...set]));

/** Names of the module in a text that are neither a sample nor a label. */
function unknownIn(text: string): string[] {
  const names = [...text.matchAll(new RegExp(`\\b${PREFIX}\\w+`, 'g'))].map(([name]) => name);
  expect(names.length).toBeGreaterThan(1);
  return names.filter((name) => !samples.has(name) && !labels.has(name));
}

/** Selectors of a sample by a label that it does not have. */
function foreignLabelsIn(text: string): string[] {
  return [...text.matchAll(new RegExp(`\\b(${PREFIX}\\w+)\\{([^}]*)\\}`, 'g'))].flatMap(
    ([, name = '', matchers = '']) =>
      [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)]
        .map(([, label = '']) => label)
        .filter((label) => !['le', 'job', 'instance'].includes(label) && !samples.get(name)?.has(label))
        .map((label) => `${name}{${label}}`),
  );
}

describe('the files for Prometheus and Grafana', () => {
  it.each([
    'prometheus-alerts.yml',
    'prometheus-alerts.test.yml',
    'prometheus-alerts.long.test.yml',
    'grafana-dashboard.json',
  ])('%s has the names and labels of the table of metrics', async (file) => {
    const text = await read(file);
    expect(unknownIn(text)).toEqual([]);
    expect(foreignLabelsIn(text)).toEqual([]);
  });

  it('would have a name that is none found', () => {
    const known = prometheusName('flush.size');
    const text = `${`${known}_count `.repeat(2)} ${PREFIX}flush_sizes ${PREFIX}inbox_oldest_due`;
    expect(unknownIn(text)).toEqual([`${PREFIX}flush_sizes`, `${PREFIX}inbox_oldest_due`]);
    expect(foreignLabelsIn(`${known}_count{${PREFIX}verdict="x",le="1"}`)).toHaveLength(1);
  });

  it('show every metric on the dashboard', async () => {
    const dashboard = await read('grafana-dashboard.json');
    expect(metricNames.filter((name) => !dashboard.includes(prometheusName(name)))).toEqual([]);
  });

  it('are what the script of the dashboard writes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dashboard-'));
    const file = join(folder, 'dashboard.json');
    await promisify(execFile)(process.execPath, ['scripts/dashboard.mjs', file], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect(await readFile(file, 'utf8')).toBe(await read('grafana-dashboard.json'));
    await rm(folder, { recursive: true });
  });

  it('have a test of each alert', async () => {
    const alerts = [...(await read('prometheus-alerts.yml')).matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
    const tests = `${await read('prometheus-alerts.test.yml')}${await read('prometheus-alerts.long.test.yml')}`;
    const fired = new Set(
      [...tests.matchAll(/alertname: (\w+)\s+eval_time: \w+\s+exp_alerts/g)].map(([, name]) => name),
    );
    expect(alerts.length).toBeGreaterThan(12);
    expect(alerts.filter((name) => !fired.has(name))).toEqual([]);
  });

  it('mend the names of OpenTelemetry’s own exporter: those with a unit', async () => {
    const relabel = await read('prometheus-relabel.yml');
    const seconds = metricNames
      .filter((name) => definitionOf(name).unit === 's')
      .map((name) => name.replaceAll('.', '_'));
    expect(seconds.filter((name) => !new RegExp(`[(|]${name}[|)]`).test(relabel))).toEqual([]);
  });
});
