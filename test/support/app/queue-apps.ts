import { afterEach, beforeEach } from '@jest/globals';
import type { Provider } from '@nestjs/common';
import {
  Cr3dentialsWebhookBullMqModule,
  type Cr3dentialsWebhookBullMqExtras,
  type Cr3dentialsWebhookBullMqOptions,
} from 'nestjs-cr3dentials-webhook/bullmq';
import { freshDatabase, type DatabaseKind, type TestDatabase } from '../database/databases.js';
import { RedisServer } from '../network/redis-server.js';
import { webhookApp, type WebhookApp, type WebhookAppBuilder } from './webhook-app.js';

type QueueOptions = Partial<Cr3dentialsWebhookBullMqOptions & Cr3dentialsWebhookBullMqExtras>;

/** Apps on one inbox and one Redis. All of them end with `stop()`. */
export class QueueApps {
  private readonly apps: WebhookApp[] = [];

  constructor(
    private readonly database: TestDatabase,
    private readonly redis: RedisServer,
  ) {}

  /** An app that receives, hands over, and runs nothing of a queue. */
  web(handlers: Provider[], queues: QueueOptions = {}): Promise<WebhookApp> {
    return this.start(webhookApp(this.database).withOptions(SHORT_LEASE), handlers, { work: false, ...queues });
  }

  /** An app that runs what waits in the queues, and nothing else. */
  worker(handlers: Provider[], queues: QueueOptions = {}): Promise<WebhookApp> {
    const app = webhookApp(this.database).withOptions({
      receive: false,
      processing: { ...SHORT_LEASE.processing, enabled: false },
    });
    return this.start(app, handlers, queues);
  }

  async start(app: WebhookAppBuilder, handlers: Provider[], queues: QueueOptions = {}): Promise<WebhookApp> {
    const module = Cr3dentialsWebhookBullMqModule.forRoot({
      connection: this.redis.connection,
      queues: { reports: { lockDuration: 1_000 } },
      requeueAfter: 30_000, // a test that waits so long has failed
      ...queues,
    });
    const started = await app
      .importing(module)
      .withHandlers(...handlers)
      .start();
    this.apps.push(started);
    return started;
  }

  /** Tells whether one of them has logged such a line: the logger is shared by all apps of a process. */
  hasLogged(line: RegExp): boolean {
    return this.apps.some(({ logger }) => logger.lines.some((logged) => line.test(logged)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.apps.splice(0).map((app) => app.stop()));
  }
}

const SHORT_LEASE = { processing: { lease: 2_000 } };

/** What one test of queues runs on: a database and a Redis of its own, and the apps on both. */
export interface FreshQueues {
  readonly database: TestDatabase;
  readonly redis: RedisServer;
  readonly apps: QueueApps;
}

/** Makes it before each test, and takes all of it down after the test. */
export function freshQueues(kind: DatabaseKind): FreshQueues {
  let queues: FreshQueues;

  beforeEach(async () => {
    const [database, redis] = [await freshDatabase(kind), await RedisServer.start()];
    queues = { database, redis, apps: new QueueApps(database, redis) };
  });

  afterEach(async () => {
    await queues.apps.stop();
    await queues.redis.kill();
    await queues.database.drop();
  });

  return {
    get database() {
      return queues.database;
    },
    get redis() {
      return queues.redis;
    },
    get apps() {
      return queues.apps;
    },
  };
}
