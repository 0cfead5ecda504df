import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { faster } from './faster-rules.js';

function withoutTimes(rules: string): string {
  return rules.replaceAll(/(?<=\[|offset |for: )\d+\w+/g, '').replaceAll(/(?<=oldest_due_seconds\) > )\d+/g, '');
}

describe('faster alert rules', () => {
  const shipped = readFileSync('observability/prometheus-alerts.yml', 'utf8');

  it('wait and look back a thirtieth of the time', () => {
    expect(faster('rate(x[5m]) offset 1w\n        for: 2m')).toBe(
      'rate(x[10000ms]) offset 20160000ms\n        for: 4000ms',
    );
    expect(faster('max(cr3dentials_webhook_inbox_oldest_due_seconds) > 900')).toMatch(/ > 30$/);
  });

  it('are the shipped ones otherwise', () => {
    expect(faster(shipped)).not.toBe(shipped);
    expect(withoutTimes(faster(shipped))).toBe(withoutTimes(shipped));
    expect(faster(shipped)).not.toMatch(/for: \d+[smhdw]\b|\[\d+[smhdw]\]/);
  });
});
