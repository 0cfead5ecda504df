import { AbstractLogger, type DataSource } from 'typeorm';
import {
  VerificationPayload,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import { PooledConnection } from '../../../src/database/pooled.connection.js';
import { SingleConnection } from '../../../src/database/single.connection.js';
import { openInbox } from '../../../src/inbox/inbox.boot.js';
import { Tables } from '../../../src/inbox/tables.js';
import { DeliveryStateRepository } from '../../../src/inbox/delivery-state.repository.js';
import { HandlerRunRepository } from '../../../src/inbox/handler-run.repository.js';
import { DeliveryRepository } from '../../../src/inbox/delivery.repository.js';
import { newDelivery, type Lease, type NewDelivery } from '../../../src/inbox/delivery.factory.js';
import type { Dialect } from '../../../src/database/dialect/dialect.js';
import { PlainTextCodec } from '../../../src/inbox/payload.codec.js';
import type { TestDatabase } from './databases.js';
import { payload } from '../app/payload.js';

/** An inbox without an app around it, on connections of its own. */
export class StandaloneInbox {
  private constructor(
    readonly dataSource: DataSource,
    readonly connection: DatabaseConnection,
    /** The statements of the host's connection, migrations included. */
    readonly statements: readonly string[] = [],
    /** The parameters of each statement. */
    readonly parameters: readonly unknown[][] = [],
  ) {}

  static async open(database: TestDatabase): Promise<StandaloneInbox> {
    const host = await hostOf(database);
    return new StandaloneInbox(host, await openInbox(host, undefined));
  }

  /** Opens it on the host's own connection, with the dialect of another database. */
  static async openWithDialect(dialect: Dialect, database: TestDatabase): Promise<StandaloneInbox> {
    const statements: string[] = [];
    const parameters: unknown[][] = [];
    const host = await hostOf(database, {
      logger: new StatementLogger(statements, parameters),
      ...(database.kind === 'sqlite' && { timeout: 0 }), // as the inbox's own would be
    });
    const connection =
      database.kind === 'sqlite' ? new SingleConnection(host, dialect, host) : new PooledConnection(host, dialect, 10);
    return new StandaloneInbox(host, connection, statements, parameters);
  }

  get tables(): Tables {
    return new Tables(this.dataSource);
  }

  get deliveries(): DeliveryRepository {
    return new DeliveryRepository(this.connection, this.tables, new PlainTextCodec());
  }

  get states(): DeliveryStateRepository {
    const runs = new HandlerRunRepository(this.connection, this.tables);
    return new DeliveryStateRepository(this.connection, this.tables, runs, { now: Date.now }, new PlainTextCodec());
  }

  /** Reads all deliveries, oldest first, as the database has them. */
  rows(): Promise<Record<string, unknown>[]> {
    return this.dataSource.query('SELECT * FROM cr3dentials_webhook_delivery ORDER BY id');
  }

  async close(): Promise<void> {
    await this.connection.close();
    await this.dataSource.destroy();
  }
}

class StatementLogger extends AbstractLogger {
  constructor(
    private readonly statements: string[],
    private readonly parameters: unknown[][],
  ) {
    super();
  }

  override logQuery(query: string, parameters: unknown[] = []): void {
    this.statements.push(query);
    this.parameters.push(parameters);
  }

  protected writeLog(): void {}
}

function hostOf(database: TestDatabase, more: object = {}): Promise<DataSource> {
  return database.connect({
    ...more,
    entities: [...cr3dentialsWebhookEntities],
    migrations: [...cr3dentialsWebhookMigrations],
    migrationsRun: true,
  });
}

/** Returns a delivery that is not recorded yet, of a session of its own unless one is named. */
export function unrecorded(overrides: Record<string, unknown> = {}, receivedAt = Date.now()): NewDelivery {
  const body = payload(overrides);
  return newDelivery('', Object.assign(new VerificationPayload(), body), JSON.stringify(body), receivedAt);
}

/** Wraps it as it is recorded without duplicates. */
export function alone(delivery: NewDelivery, lease?: Lease) {
  return { delivery, lease, duplicates: 0 };
}
