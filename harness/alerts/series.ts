import { DataSource } from 'typeorm';
import { setTimeout as sleep } from 'node:timers/promises';
import { verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import { metricNames, definitionOf, type MetricName } from '../../src/metrics/metric.definitions.js';
import { prometheusLabel, prometheusName } from '../../src/metrics/prometheus.names.js';
import { registerCleanup } from '../chaos/cleanup.js';
import { PostgresServer } from '../chaos/servers/postgres-server.js';
import { freePorts, Instance } from './instance.js';
import { Prometheus, type Sample } from './prometheus.js';
import { SECRET, Sender, simulatorFor } from './sender.js';

/** Longer than the default lease. */
const FROZEN_MS = 32_000;
const TIMEOUT_MS = 45_000;
const POLL_MS = 500;
const DAY_MS = 86_400_000;
/** Labels that are not of the module. */
const FOREIGN = new Set(['__name__', 'job', 'instance', 'le']);
/** What docs/observability.md says of ten handlers; here are two, and histograms count once. */
const MAX_SERIES = 170;

/** Returns the metrics of the table that have no data, and labels and series that there must not be. */
export async function seriesOfADayWithFailures(): Promise<string[]> {
  const database = await PostgresServer.launch();
  registerCleanup(() => database.remove());
  const environment = {
    DATABASE_URL: database.url,
    CR3D_WEBHOOK_SECRET: SECRET,
    CR3D_OLD_SECRET: `old-${SECRET}`,
    CR3D_OLD_SECRET_ENDS: new Date(Date.now() + 30 * DAY_MS).toISOString(),
    DEMO_FAIL_RATE: '0.3',
  };
  const one = await Instance.start(await freePorts(), environment);
  const other = await Instance.start(await freePorts(), environment);
  const prometheus = await Prometheus.scraping([one.ports.metrics, other.ports.metrics]);
  const sender = new Sender(one.url, 100);
  await misbehave(one);
  sender.url = other.url;
  await loseLeases(one, database, prometheus);
  await database.stop();
  await sleep(3_000);
  await database.start();
  const expected = metricNames.filter((name) => !name.startsWith('queue.')); // this app has none
  const missing = await untilSeen(prometheus, expected);
  sender.stop();
  return [...missing.map((name) => `${name} has no data.`), ...(await excessOf(prometheus))];
}

async function misbehave(instance: Instance): Promise<void> {
  const { url } = instance;
  const simulator = simulatorFor(url);
  await simulator.misbehave.duplicateBurst(verificationPayload());
  await simulator.misbehave.conflictingDelivery(verificationPayload());
  await simulator.deliver({ status: 'COMPLETED' });
  await simulatorFor(url, `old-${SECRET}`).deliver(verificationPayload());
  await simulatorFor(url, 'a-guess-of-more-than-16-characters').deliver(verificationPayload());
  if (!(await instance.decide())) throw new Error('There is no rejection to decide on.');
}

/**
 * Freezes an instance in the middle of a handler for longer than a lease; the other takes its delivery. The handler
 * waits for a row that is being inserted.
 */
async function loseLeases(instance: Instance, { url }: PostgresServer, prometheus: Prometheus): Promise<void> {
  const holder = await new DataSource({ type: 'postgres', url }).initialize();
  const runner = holder.createQueryRunner();
  const body = verificationPayload({ status: 'COMPLETED' });
  await runner.startTransaction();
  await runner.query(`INSERT INTO demo_account VALUES ($1, '', 0)`, [body.sessionId]);
  await simulatorFor(instance.url).deliver(body);
  await sleep(1_000);
  instance.signal('SIGSTOP');
  await sleep(FROZEN_MS);
  await untilSeen(prometheus, ['delivery.rescued']);
  instance.signal('SIGCONT');
  await untilSeen(prometheus, ['lease.lost']); // while its handler still waits: else it ends before it finds out
  await runner.rollbackTransaction();
  await holder.destroy();
}

/** Waits until metrics have data, and counters have counted. Returns those that have none after all. */
async function untilSeen(prometheus: Prometheus, names: readonly MetricName[]): Promise<MetricName[]> {
  const giveUpAt = performance.now() + TIMEOUT_MS;
  for (;;) {
    const found = await seriesIn(prometheus);
    const missing = names.filter((name) => !found.some((sample) => isDataOf(sample, name)));
    if (missing.length === 0 || performance.now() > giveUpAt) return missing;
    await sleep(POLL_MS);
  }
}

/** Lost leases are counted from 0 at the start. */
function isDataOf({ metric, value: [, value] }: Sample, name: MetricName): boolean {
  return isOf(metric.__name__, name) && (definitionOf(name).kind !== 'counter' || value !== '0');
}

function seriesIn(prometheus: Prometheus): Promise<Sample[]> {
  return prometheus.query('{__name__=~"cr3dentials_webhook_.+", __name__!~".*_(bucket|sum)"}');
}

function isOf(sample: string | undefined, name: MetricName): boolean {
  return sample === prometheusName(name) + (definitionOf(name).kind === 'histogram' ? '_count' : '');
}

async function excessOf(prometheus: Prometheus): Promise<string[]> {
  const found = await seriesIn(prometheus);
  const unknown = found.flatMap(({ metric }) => {
    const meter = metricNames.find((name) => isOf(metric.__name__, name));
    if (!meter) return [`There is a metric ${metric.__name__}.`];
    const known = new Set(definitionOf(meter).attributes.map(prometheusLabel));
    const labels = Object.keys(metric).filter((label) => !FOREIGN.has(label) && !label.startsWith('otel_scope_'));
    return labels.filter((label) => !known.has(label)).map((label) => `${meter} has a label ${label}.`);
  });
  const instances = new Set(found.map(({ metric }) => metric.instance));
  const each = found.length / instances.size;
  return [...unknown, ...(each > MAX_SERIES ? [`An instance has ${each} series.`] : [])];
}
