import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { observability, startPrometheus } from '../../examples/observed/prometheus.js';
import { freePort } from '../../test/support/network/free-port.js';
import { registerCleanup } from '../chaos/cleanup.js';
import { binary } from '../chaos/servers/binaries.js';
import { faster } from './faster-rules.js';

const REMEDY = 'Install Prometheus (Debian: prometheus), or put it on PATH.';
const SCRAPE_INTERVAL = '500ms';
const START_TIMEOUT_MS = 20_000;

/** One series of an answer, with its labels. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** A Prometheus that examples/observed has started, or that the harness starts as it does. */
export class Prometheus {
  /** @param port of a Prometheus on this machine */
  constructor(private readonly port: number) {}

  /** Starts one, with faster alert rules. Resolves when it has scraped an instance. */
  static async scraping(ports: readonly number[]): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'cr3d-prometheus-'));
    const rules = join(folder, 'rules.yml');
    writeFileSync(rules, faster(readFileSync(join(observability, 'prometheus-alerts.yml'), 'utf8')));
    const port = await freePort();
    const program = binary('prometheus', REMEDY);
    const settings = { program, port, folder, scraped: ports, rules, interval: SCRAPE_INTERVAL };
    const child = await startPrometheus(settings);
    registerCleanup(async () => {
      const exited = once(child, 'exit');
      if (child.kill('SIGKILL')) await exited;
      rmSync(folder, { recursive: true });
    });
    const prometheus = new Prometheus(port);
    const giveUpAt = performance.now() + START_TIMEOUT_MS;
    while (!(await prometheus.query('up == 1').catch(() => [])).length) {
      if (performance.now() > giveUpAt) throw new Error('Prometheus scrapes nothing.');
      await sleep(200);
    }
    return prometheus;
  }

  async query(expression: string): Promise<Sample[]> {
    const url = `http://127.0.0.1:${this.port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const { data, error } = (await (await fetch(url)).json()) as { data?: { result: Sample[] }; error?: string };
    if (!data) throw new Error(`Prometheus answers ${error}`);
    return data.result;
  }

  async ruleNames(): Promise<string[]> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/v1/rules`);
    const { data } = (await answer.json()) as { data: { groups: { rules: { name: string }[] }[] } };
    return data.groups.flatMap(({ rules }) => rules.map(({ name }) => name));
  }

  /** Returns the alerts that have fired at any time. */
  async fired(): Promise<string[]> {
    const firing = await this.query('max by (alertname) (max_over_time(ALERTS{alertstate="firing"}[1h]))');
    return firing.map(({ metric }) => (metric.alertname ?? '').replace('Cr3dentialsWebhook', '')).toSorted();
  }
}
