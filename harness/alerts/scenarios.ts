import { setTimeout as sleep } from 'node:timers/promises';
import { registerCleanup } from '../chaos/cleanup.js';
import { PostgresServer } from '../chaos/servers/postgres-server.js';
import { freePorts, Instance } from './instance.js';
import { Prometheus } from './prometheus.js';
import { SECRET, Sender } from './sender.js';

/** Long enough for every rule to have fired, if it were going to. */
const HEALTHY_MS = 32_000;
const FIRING_TIMEOUT_MS = 60_000;
/** What else a fault raises at the same time has fired by then. */
const AFTERWARDS_MS = 4_000;
const POLL_MS = 500;
/** Fewer than the half of a POST in a second, above which there would be an alert for so many that are refused. */
const SLOWLY_MS = 2_500;
const OFTEN_MS = 300;

/** What an operator may do wrong, and the alerts for it. */
export interface Scenario {
  readonly name: string;
  readonly alerts: readonly string[];
  /** Starts what is healthy. Resolves to what breaks it. */
  prepare(database: PostgresServer): Promise<{ prometheus: Prometheus; sender: Sender; breakIt: () => Promise<void> }>;
}

const environmentOf = ({ url }: PostgresServer) => ({ DATABASE_URL: url, CR3D_WEBHOOK_SECRET: SECRET });

export const scenarios: readonly Scenario[] = [
  {
    name: 'the database is stopped',
    alerts: ['Unavailable', 'Unseen'],
    async prepare(database) {
      const app = await Instance.start(await freePorts(), environmentOf(database));
      const prometheus = await Prometheus.scraping([app.ports.metrics]);
      return { prometheus, sender: new Sender(app.url, OFTEN_MS), breakIt: () => database.stop() };
    },
  },
  {
    name: 'the worker is stopped',
    alerts: ['Backlog'],
    async prepare(database) {
      const environment = environmentOf(database);
      const web = await Instance.start(await freePorts(), { ...environment, PROCESSING: 'off' });
      const worker = await Instance.start(await freePorts(), environment);
      const prometheus = await Prometheus.scraping([web.ports.metrics, worker.ports.metrics]);
      return { prometheus, sender: new Sender(web.url, OFTEN_MS), breakIt: () => worker.stop() };
    },
  },
  {
    name: 'the secret is removed while the portal still uses it',
    alerts: ['NobodyAuthenticates'],
    async prepare(database) {
      const environment = environmentOf(database);
      const before = await Instance.start(await freePorts(), environment);
      const other = { ...environment, CR3D_WEBHOOK_SECRET: `another-${SECRET}` };
      const after = await Instance.start(await freePorts(), other);
      const prometheus = await Prometheus.scraping([before.ports.metrics, after.ports.metrics]);
      const sender = new Sender(before.url, SLOWLY_MS);
      return {
        prometheus,
        sender,
        async breakIt() {
          sender.url = after.url;
          await before.stop();
        },
      };
    },
  },
];

/** Returns what is wrong with the alerts; nothing if they are right. */
export async function play({ name, alerts, prepare }: Scenario): Promise<string[]> {
  const database = await PostgresServer.launch();
  registerCleanup(() => database.remove());
  const { prometheus, sender, breakIt } = await prepare(database);
  await sleep(HEALTHY_MS);
  const early = await prometheus.fired();
  await breakIt();
  const giveUpAt = performance.now() + FIRING_TIMEOUT_MS;
  const isMissing = async (): Promise<boolean> => {
    const fired = await prometheus.fired();
    return alerts.some((alert) => !fired.includes(alert));
  };
  while ((await isMissing()) && performance.now() < giveUpAt) await sleep(POLL_MS);
  await sleep(AFTERWARDS_MS);
  const fired = await prometheus.fired();
  sender.stop();
  return [
    ...(early.length > 0 ? [`Before ${name}, there are ${early.join(', ')}.`] : []),
    ...(fired.join() === alerts.join() ? [] : [`When ${name}, there are ${fired.join(', ') || 'no alerts'}.`]),
  ];
}
