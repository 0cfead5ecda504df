import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { QueryRunner } from 'typeorm';
import { withTimeout } from '../concurrency/with-timeout.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import type { DatabaseConnection } from './database.connection.js';
import { formatDatabaseError } from './database.errors.js';
import { sql } from './sql.js';

/** Time in which notifications are gathered into one. */
const BATCH_WINDOW_MS = 20;
/** Time between two checks that notifications arrive: a connection may fall silent. */
const CHECK_INTERVAL_MS = 10_000;
const CHECK_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_DELAY_MS = 2_000;
interface Notification {
  readonly processId: number;
  readonly payload?: string;
}

/** Tells other instances at once that there is work. Nothing depends on it: what is not heard is found by a poll. */
export abstract class NotificationChannel {
  /** Calls the listener for each notification, also of this instance. */
  abstract listen(listener: () => void): void;
  /** Notifies all instances, once for all calls within 20 ms. Never throws. */
  abstract send(): void;
  abstract close(): Promise<void>;
}

/** Channel of instances that only poll. */
export class NoNotifications extends NotificationChannel {
  override listen(): void {}
  override send(): void {}
  override close(): Promise<void> {
    return Promise.resolve();
  }
}

/** `LISTEN` and `NOTIFY` of PostgreSQL. The listening connection is replaced when it is lost or falls silent. */
export class PostgresNotifications extends NotificationChannel {
  /** Payload of a notification to oneself. Work is notified of without one. */
  private readonly echo = randomUUID();
  private listener?: () => void;
  /** Runner of the connection that listens. */
  private runner?: QueryRunner;
  private timer?: NodeJS.Timeout;
  private sending?: NodeJS.Timeout;
  private onEcho?: () => void;
  private isReported = false;
  private isClosed = false;

  /** @param name name of the channel, in one case and without special characters */
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly name: string,
    private readonly instrumentation: Instrumentation,
  ) {
    super();
  }

  override listen(listener: () => void): void {
    this.listener = listener;
    void this.connect();
  }

  override send(): void {
    if (this.isClosed) return;
    this.sending ??= setTimeout(() => {
      this.sending = undefined;
      this.notify('').catch(() => {}); // the poll finds it
    }, BATCH_WINDOW_MS);
  }

  /** Sends what has been gathered: it is for the others. */
  override async close(): Promise<void> {
    this.isClosed = true;
    if (this.sending) await this.notify('').catch(() => {});
    clearTimeout(this.sending);
    await this.disconnect();
  }

  private notify(payload: string): Promise<unknown> {
    return this.connection.execute(sql`SELECT pg_notify(${this.name}, ${payload})`);
  }

  private async connect(): Promise<void> {
    if (this.isClosed) return;
    const runner = this.connection.createDedicatedRunner();
    this.runner = runner;
    try {
      const client = (await withTimeout(runner.connect(), CONNECT_TIMEOUT_MS)) as EventEmitter;
      client.once('end', () => this.reconnectAfter(runner, new Error('The connection has ended.')));
      client.on('notification', ({ payload }: Notification) => this.receive(payload));
      await withTimeout(runner.query(`LISTEN ${this.name}`), CONNECT_TIMEOUT_MS);
      await this.check(runner);
      this.listener?.(); // of what came before
    } catch (error) {
      this.reconnectAfter(runner, error);
    }
  }

  private receive(payload: string | undefined): void {
    if (payload === this.echo) this.onEcho?.();
    else if (!payload) this.listener?.();
  }

  /** Notifies itself, and does so again and again as long as that is heard. */
  private async check(runner: QueryRunner): Promise<void> {
    const echo = new Promise<void>((resolve) => {
      this.onEcho = resolve;
    });
    await this.notify(this.echo);
    await withTimeout(echo, CHECK_TIMEOUT_MS, echoMissing);
    this.isReported = false;
    if (this.runner !== runner) return;
    const next = () => this.check(runner).catch((error: unknown) => this.reconnectAfter(runner, error));
    this.timer = setTimeout(() => void next(), CHECK_INTERVAL_MS).unref();
  }

  private reconnectAfter(runner: QueryRunner, error: unknown): void {
    if (this.runner !== runner) return; // it is known
    void this.disconnect();
    if (this.isClosed) return;
    if (!this.isReported) this.instrumentation.announce('notifications-lost', { error: formatDatabaseError(error) });
    this.isReported = true;
    this.timer = setTimeout(() => void this.connect(), RECONNECT_DELAY_MS).unref();
  }

  private async disconnect(): Promise<void> {
    const { runner } = this;
    this.runner = undefined;
    clearTimeout(this.timer);
    if (runner) await this.connection.dialect.disconnect(runner);
  }
}

function echoMissing(): Error {
  return new Error('The notification that this instance sent to itself did not arrive within 2000 ms.');
}
