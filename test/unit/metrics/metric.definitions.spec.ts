import { describe, expect, it } from '@jest/globals';
import { ErrorTypes } from '../../../src/metrics/error.types.js';
import { metricNames, definitionOf } from '../../../src/metrics/metric.definitions.js';
import { prometheusLabel, prometheusName } from '../../../src/metrics/prometheus.names.js';

describe('the table of metrics', () => {
  it('has buckets for each histogram, in order, and for nothing else', () => {
    for (const name of metricNames) {
      const { kind, buckets } = definitionOf(name);
      expect([name, buckets !== undefined]).toEqual([name, kind === 'histogram']);
      expect(buckets ?? []).toEqual((buckets ?? []).toSorted((a, b) => a - b));
    }
  });

  it('has units that no exporter takes for a ratio', () => {
    expect(metricNames.filter((name) => !/^(s|\{[a-z]+\})$/.test(definitionOf(name).unit))).toEqual([]);
  });

  it('has the names in Prometheus that a collector gives', () => {
    expect(prometheusName('receive.duration')).toBe('cr3dentials_webhook_receive_duration_seconds');
    expect(prometheusName('lease.lost')).toBe('cr3dentials_webhook_lease_lost_total');
    expect(prometheusName('secret.uses')).toBe('cr3dentials_webhook_secret_uses_total');
    expect(prometheusName('inbox.oldest_due')).toBe('cr3dentials_webhook_inbox_oldest_due_seconds');
    expect(prometheusName('receive.waiting.limit')).toBe('cr3dentials_webhook_receive_waiting_limit');
    expect([prometheusLabel('verdict'), prometheusLabel('error.type')]).toEqual([
      'cr3dentials_webhook_verdict',
      'error_type',
    ]);
  });
});

describe('types of errors', () => {
  it('are the first twenty that a process meets, and then others', () => {
    const types = new ErrorTypes();
    const given = Array.from({ length: 25 }, (_, n) => `Error${n}`);
    expect(given.map((type) => types.of(type))).toEqual([...given.slice(0, 20), ...Array(5).fill('_OTHER')]);
    expect(types.of('Error3')).toBe('Error3');
  });
});
