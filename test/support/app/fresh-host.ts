import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { DeliveryStateRow } from '../../../src/inbox/delivery-state.entity.js';
import { DataSource } from 'typeorm';
import { freshDatabase, type DatabaseKind, type TestDatabase } from '../database/databases.js';
import { webhookApp, type WebhookApp, type WebhookAppBuilder } from './webhook-app.js';

/** What one test runs on: a database of its own, and as many apps as it starts. All of it is taken down after the test. */
export interface FreshHost {
  readonly database: TestDatabase;
  start(configure?: (app: WebhookAppBuilder) => WebhookAppBuilder): Promise<WebhookApp>;
  stop(app: WebhookApp): Promise<void>;
}

export function freshHost(kind: DatabaseKind): FreshHost {
  let database: TestDatabase;
  const running = new Set<WebhookApp>();

  beforeEach(async () => {
    database = await freshDatabase(kind);
  });

  afterEach(async () => {
    for (const app of running) await stop(app);
    await database.drop();
  });

  async function stop(app: WebhookApp): Promise<void> {
    running.delete(app);
    await app.stop();
  }

  return {
    get database() {
      return database;
    },
    async start(configure = (app) => app) {
      const app = await configure(webhookApp(database)).start();
      running.add(app);
      return app;
    },
    stop,
  };
}

/** What all tests of a suite run on: one app, on a database of its own. Both are taken down after the last test. */
export interface SharedHost {
  readonly database: TestDatabase;
  readonly app: WebhookApp;
}

export function sharedHost(
  kind: DatabaseKind,
  configure: (app: WebhookAppBuilder) => WebhookAppBuilder = (app) => app,
): SharedHost {
  let database: TestDatabase;
  let app: WebhookApp;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    app = await configure(webhookApp(database)).start();
  });

  afterAll(async () => {
    await app?.stop();
    await database?.drop();
  });

  return {
    get database() {
      return database;
    },
    get app() {
      return app;
    },
  };
}

/** Holds those who pass until it is opened. */
export class Gate {
  /** How many have come to it. */
  arrivals = 0;
  isOpen = false;
  #open: () => void = () => {};
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  open(): void {
    this.isOpen = true;
    this.#open();
  }

  pass(): Promise<void> {
    this.arrivals++;
    return this.#opened;
  }
}

/** As if the worker that has the delivery were gone, and its lease had run out. */
export async function abandon(app: WebhookApp, deliveryId: string, as: Partial<DeliveryStateRow> = {}): Promise<void> {
  await app.nest
    .get(DataSource)
    .getRepository(DeliveryStateRow)
    .update(deliveryId, {
      state: 'processing',
      nextAttemptAt: null,
      claimId: 'a-worker-that-is-gone',
      leaseExpiresAt: 1,
      ...as,
    });
}

export type Configure = (app: WebhookAppBuilder) => WebhookAppBuilder;

export const RECEIVE_ONLY = { processing: { enabled: false } } as const;

/** Starts an app that only receives, does something, and stops it. */
export async function receiveOnce<T>(
  host: FreshHost,
  configure: Configure,
  act: (app: WebhookApp) => Promise<T>,
): Promise<T> {
  const app = await host.start((a) => configure(a).withOptions(RECEIVE_ONLY));
  const result = await act(app);
  await host.stop(app);
  return result;
}
