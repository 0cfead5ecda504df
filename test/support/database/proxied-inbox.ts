import { type Cr3dentialsWebhookOptions } from 'nestjs-cr3dentials-webhook';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { RememberEvents } from '../app/doubles.js';
import { freshDatabase, type DatabaseKind, type TestDatabase } from './databases.js';
import { InsertWatch } from './insert-watch.js';
import type { MovingClock } from '../time/moving-clock.js';
import { payload } from '../app/payload.js';
import { TcpProxy } from '../network/tcp-proxy.js';
import { webhookApp, type Answer, type WebhookApp } from '../app/webhook-app.js';

/** An app that reaches its database through a proxy, and has used all of its connections already. */
export class ProxiedInbox {
  readonly watch = new InsertWatch();
  #app: WebhookApp | undefined;

  private constructor(
    private readonly database: TestDatabase,
    private readonly beside: DataSource,
    readonly proxy: TcpProxy,
  ) {}

  static async on(kind: DatabaseKind): Promise<ProxiedInbox> {
    const database = await freshDatabase(kind);
    const proxy = await TcpProxy.to((database.options as { url?: string }).url);
    return new ProxiedInbox(database, await database.connect(), proxy);
  }

  /** @param clock in place of the database's */
  async start(options: Partial<Cr3dentialsWebhookOptions> = {}, clock?: MovingClock): Promise<WebhookApp> {
    const builder = webhookApp(this.database);
    const app = await (clock ? builder.withClock(clock) : builder)
      .withHandlers(RememberEvents)
      .withDataSource({ url: this.proxy.url } as Partial<DataSourceOptions>)
      .configured(this.watch.watch)
      .withOptions({ ...options, processing: { pollInterval: 1_000, ...options.processing } })
      .start();
    this.#app = app;
    const known = Array.from({ length: 8 }, () => payload());
    await this.post(...known);
    for (const { sessionId } of known) await app.delivery(sessionId, 'completed');
    return app;
  }

  get app(): WebhookApp {
    if (this.#app) return this.#app;
    throw new Error('The app has not been started.');
  }

  post(...bodies: unknown[]): Promise<Answer[]> {
    return Promise.all(bodies.map((body) => this.app.post(body)));
  }

  /** How often the handler was called for a session. */
  calls(sessionId: unknown): number {
    return this.app.nest.get(RememberEvents).of(sessionId).length;
  }

  /** What is stored of a session, seen past the proxy. */
  rows(sessionId: unknown): Promise<{ id: string }[]> {
    return this.beside.query(`SELECT id FROM cr3dentials_webhook_delivery WHERE session_id = '${String(sessionId)}'`);
  }

  async stop(): Promise<void> {
    this.proxy.thaw();
    await this.#app?.stop();
    await this.proxy.refuse();
    await this.database.drop();
  }
}
