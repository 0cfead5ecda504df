import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metricNames, definitionOf } from '../../src/metrics/metric.definitions.js';
import { ExampleProcess } from '../support/app/example-process.js';
import { payload } from '../support/app/payload.js';
import { freePort } from '../support/network/free-port.js';
import { until } from '../support/time/until.js';

/** `npm run test:alerts` runs it with a real Prometheus, which not every machine has. */
const WITHOUT_PROMETHEUS = { PROMETHEUS: 'a-program-that-is-not-installed' };

async function scraped(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

describe('examples/observed', () => {
  let folder: string;
  let metricsPort: number;
  let example: ExampleProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
    metricsPort = await freePort();
    example = await ExampleProcess.start('observed', {
      ...WITHOUT_PROMETHEUS,
      DATABASE_URL: join(folder, 'demo.sqlite'),
      METRICS_PORT: String(metricsPort),
      DEMO_FAIL_RATE: '1',
    });
  });

  afterEach(async () => {
    await example.end();
    await rm(folder, { recursive: true });
  });

  it('has the traces of a POST, of its first runs in it, and of a retry that is linked to it', async () => {
    expect(await example.post(payload())).toBe(200);
    const line = (name: string, traceId: string, link = '') =>
      example.output.match(new RegExp(`\\[Trace ${traceId}${link}\\] ${name}`, 'g'))?.length ?? 0;
    await until('it is retried', () => /linked to/.test(example.output));
    const [, post = ''] = /\[Trace (\w{32})\] record inbox: accepted in [\d.]+ ms/.exec(example.output) ?? [];
    expect(line('handle accounts.activate: completed', post)).toBe(1);
    expect(line('handle demo.print: failed', post)).toBe(1);
    expect(line('handle demo.print: failed', String.raw`\w{32}`, `, linked to ${post}`)).toBeGreaterThan(0);
    expect(example.output).toContain('Prometheus is not installed (Debian: prometheus). The app runs without it.');
  });

  it('has metrics for Prometheus', async () => {
    expect(await example.post(payload())).toBe(200);
    await until('a run is counted', async () =>
      (await scraped(metricsPort)).includes('cr3dentials_webhook_handler_duration'),
    );
    const text = await scraped(metricsPort);
    // Counters of what went wrong are there once it has; the others are always there.
    const gauges = metricNames.filter(
      (name) => definitionOf(name).kind === 'gauge' && !/^secret.time_left$|^queue/.test(name),
    );
    expect(gauges.filter((name) => !text.includes(`\ncr3dentials_webhook_${name.replaceAll('.', '_')}`))).toEqual([]);
    expect(text).toMatch(/^cr3dentials_webhook_secret_uses_total\{cr3dentials_webhook_secret="current"[^}]*\} 1$/m);
  });

  it('ends all of its processes', async () => {
    expect(await example.end()).toBe(0); // its streams are closed, so nobody has them any more
  });
});
