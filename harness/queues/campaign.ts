import { Redis } from 'ioredis';
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Control } from './controls.js';

const ROLES = ['web', 'web', 'worker', 'worker', 'worker'] as const;
/** A process stands still for longer than its leases. */
const FREEZE_MS = 4_500;
const RESTART_MS = 300;

export interface CampaignOptions {
  readonly database: DataSourceOptions;
  readonly deliveries: number;
  /** Seconds in which they are posted, with faults. */
  readonly seconds: number;
  /** Seconds after which what is still open counts as lost. */
  readonly patience: number;
  readonly control: Control;
}

/** Faults that were injected, and what has become of the deliveries. */
export interface Verdict {
  readonly faults: Readonly<Record<'flush' | 'kill' | 'redis' | 'freeze', number>>;
  readonly acknowledged: number;
  /** Deliveries that have not ended. */
  readonly open: number;
  /** Deliveries that are completed although a handler has had no effect. */
  readonly lost: number;
  /** Effects of each handler beyond one for each delivery. */
  readonly repeated: Readonly<Record<'here' | 'plain' | 'once', number>>;
}

interface Instance {
  readonly role: (typeof ROLES)[number];
  child?: ChildProcess;
  url?: string | undefined;
}

/** Posts deliveries to instances that are killed and frozen, beside a Redis that is flushed and killed. */
export class Campaign {
  private readonly faults = { flush: 0, kill: 0, redis: 0, freeze: 0 };
  private readonly instances: Instance[] = ROLES.map((role) => ({ role }));
  private acknowledged = 0;
  private isOver = false;
  private port = 0;
  private redis!: ChildProcess;
  private dataSource!: DataSource;

  constructor(private readonly options: CampaignOptions) {}

  async run(): Promise<Verdict> {
    await this.prepare();
    try {
      const until = performance.now() + this.options.seconds * 1_000;
      await Promise.all([this.post(), this.injectFaults(until)]);
      await this.drain();
      return await this.judge();
    } finally {
      await this.end();
    }
  }

  private async prepare(): Promise<void> {
    this.dataSource = await new DataSource({
      ...this.options.database,
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
    } as DataSourceOptions).initialize();
    await this.dataSource.runMigrations();
    await this.dataSource.query('CREATE TABLE effects (kind varchar(16) NOT NULL, delivery varchar(36) NOT NULL)');
    this.port = await freePort();
    await this.startRedis();
    for (const instance of this.instances) this.start(instance);
    await Promise.all(this.instances.map((instance) => this.urlOf(instance)));
  }

  private start(instance: Instance): void {
    const env = {
      ...process.env,
      ROLE: instance.role,
      CONTROL: this.options.control,
      REDIS_PORT: String(this.port),
      DATABASE: JSON.stringify(this.options.database),
    };
    const child = fork(fileURLToPath(new URL('instance.js', import.meta.url)), [], { env });
    instance.url = undefined;
    instance.child = child;
    child.once('message', ({ url }: { url: string }) => (instance.url = url));
    child.once('exit', () => {
      if (!this.isOver) setTimeout(() => this.start(instance), RESTART_MS);
    });
  }

  private async startRedis(): Promise<void> {
    const settings = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.redis = spawn('redis-server', [...settings, '--dir', tmpdir()], { stdio: 'ignore' });
    while (!(await this.command((redis) => redis.ping()))) await sleep(50);
  }

  /** Resolves to undefined if Redis does not answer. */
  private async command<T>(work: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    const redis = new Redis({ host: '127.0.0.1', port: this.port, maxRetriesPerRequest: 0, retryStrategy: () => null });
    redis.on('error', () => {}); // the command meets it
    try {
      return await work(redis);
    } catch {
      return undefined;
    } finally {
      redis.disconnect();
    }
  }

  private async urlOf(instance: Instance): Promise<string> {
    while (instance.url === undefined) await sleep(20);
    return instance.url;
  }

  /** Posts each delivery until it is acknowledged, as the provider does. */
  private async post(): Promise<void> {
    const { deliveries, seconds } = this.options;
    const webs = this.instances.filter(({ role }) => role === 'web');
    const pause = (seconds * 1_000) / deliveries;
    const sending: Promise<void>[] = [];
    for (let n = 0; n < deliveries; n++) {
      sending.push(this.postOne(webs));
      await sleep(pause);
    }
    await Promise.all(sending);
  }

  private async postOne(webs: readonly Instance[]): Promise<void> {
    const body = JSON.stringify({
      sessionId: randomUUID(),
      status: 'COMPLETED',
      platformId: 1,
      externalReferenceId: 'user',
      extractedData: { accountHolder: 'Jane Doe' },
      proofHash: '9f2c',
      completedAt: '2025-03-24T12:05:00.000Z',
      metadata: {},
    });
    for (let tries = 0; ; tries++) {
      const { url } = webs[tries % webs.length] as Instance;
      const request = { method: 'POST', body, headers: { 'content-type': 'application/json' } };
      const answer =
        url &&
        (await fetch(`${url}/webhook/cr3dentials`, { ...request, signal: AbortSignal.timeout(3_000) }).catch(
          () => undefined,
        ));
      if (answer && answer.status === 200) break;
      await sleep(100);
    }
    this.acknowledged++;
  }

  private async injectFaults(until: number): Promise<void> {
    while (performance.now() < until) {
      await sleep(700 + Math.random() * 1_000);
      const chance = Math.random();
      if (chance < 0.3) await this.flush();
      else if (chance < 0.6) this.kill();
      else if (chance < 0.75) await this.killRedis();
      else this.freeze();
    }
  }

  private async flush(): Promise<void> {
    if (await this.command((redis) => redis.flushall())) this.faults.flush++;
  }

  private kill(): void {
    const [instance] = this.instances.toSorted(() => Math.random() - 0.5);
    if (instance?.child?.kill('SIGKILL')) this.faults.kill++;
  }

  private async killRedis(): Promise<void> {
    const ended = once(this.redis, 'exit');
    this.redis.kill('SIGKILL');
    await ended;
    this.faults.redis++;
    await sleep(500 + Math.random() * 1_500);
    await this.startRedis();
  }

  private freeze(): void {
    const workers = this.instances.filter(({ role }) => role === 'worker');
    const child = workers[Math.floor(Math.random() * workers.length)]?.child;
    if (!child?.kill('SIGSTOP')) return;
    this.faults.freeze++;
    setTimeout(() => child.kill('SIGCONT'), FREEZE_MS);
  }

  private async drain(): Promise<void> {
    const giveUpAt = performance.now() + this.options.patience * 1_000;
    while ((await this.countOpen()) > 0 && performance.now() < giveUpAt) await sleep(200);
  }

  private async judge(): Promise<Verdict> {
    const repeated = { here: 0, plain: 0, once: 0 };
    const rows = await this.query(
      'SELECT kind, COUNT(*) AS effects, COUNT(DISTINCT delivery) AS deliveries FROM effects GROUP BY kind',
    );
    for (const row of rows) repeated[row.kind as 'here'] = Number(row.effects) - Number(row.deliveries);
    const [lost] = await this.query(
      `SELECT COUNT(*) AS n FROM cr3dentials_webhook_delivery_state s WHERE s.state = 'completed'
       AND (SELECT COUNT(DISTINCT e.kind) FROM effects e WHERE e.delivery = s.delivery_id) < 3`,
    );
    const { faults, acknowledged } = this;
    return { faults, acknowledged, open: await this.countOpen(), lost: Number(lost?.n), repeated };
  }

  private async countOpen(): Promise<number> {
    const [row] = await this.query(
      `SELECT COUNT(*) AS n FROM cr3dentials_webhook_delivery_state WHERE state <> 'completed'`,
    );
    return Number(row?.n);
  }

  private query(text: string): Promise<Record<string, unknown>[]> {
    return this.dataSource.query(text);
  }

  private async end(): Promise<void> {
    this.isOver = true;
    for (const { child } of this.instances) child?.kill('SIGKILL');
    this.redis.kill('SIGKILL');
    await this.dataSource.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
