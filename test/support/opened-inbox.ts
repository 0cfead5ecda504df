import { AbstractLogger, type DataSource } from 'typeorm';
import {
  VerificationPayload,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import type { DatabaseConnection } from '../../src/database/database.connection.js';
import { PooledConnection } from '../../src/database/pooled.connection.js';
import { SingleConnection } from '../../src/database/single.connection.js';
import { openInbox } from '../../src/inbox/inbox.boot.js';
import { Tables } from '../../src/inbox/tables.js';
import { DeliveryRepository } from '../../src/inbox/delivery.repository.js';
import { newDelivery, type Lease, type NewDelivery } from '../../src/inbox/delivery.factory.js';
import type { Dialect } from '../../src/database/dialect/dialect.js';
import type { TestDatabase } from './databases.js';
import { payload } from './payload.js';

/** The inbox without an app around it, on connections of its own. */
export class OpenedInbox {
  private constructor(
    readonly dataSource: DataSource,
    readonly connection: DatabaseConnection,
    /** What was said on the host's connection, migrations included. */
    readonly statements: readonly string[] = [],
    /** What was bound in them. */
    readonly bound: readonly unknown[][] = [],
  ) {}

  static async of(database: TestDatabase): Promise<OpenedInbox> {
    const host = await hostOf(database);
    return new OpenedInbox(host, await openInbox(host, undefined));
  }

  /** On the host's own connection, and as if the database were another. */
  static async speaking(dialect: Dialect, database: TestDatabase): Promise<OpenedInbox> {
    const statements: string[] = [];
    const bound: unknown[][] = [];
    const host = await hostOf(database, {
      logger: new StatementLogger(statements, bound),
      ...(database.kind === 'sqlite' && { timeout: 0 }), // as the inbox's own would be
    });
    const connection =
      database.kind === 'sqlite' ? new SingleConnection(host, dialect, host) : new PooledConnection(host, dialect, 10);
    return new OpenedInbox(host, connection, statements, bound);
  }

  get tables(): Tables {
    return new Tables(this.dataSource);
  }

  get repository(): DeliveryRepository {
    return new DeliveryRepository(this.connection, this.tables);
  }

  /** All of the deliveries, oldest first, as the database has them. */
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
    private readonly bound: unknown[][],
  ) {
    super();
  }

  override logQuery(query: string, parameters: unknown[] = []): void {
    this.statements.push(query);
    this.bound.push(parameters);
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

/** Content that has not been recorded yet, of a session of its own unless it is named. */
export function unrecorded(overrides: Record<string, unknown> = {}, receivedAt = Date.now()): NewDelivery {
  const body = payload(overrides);
  return newDelivery('', Object.assign(new VerificationPayload(), body), JSON.stringify(body), receivedAt);
}

/** As it is recorded when nobody else sends it and nobody has room for it. */
export function alone(delivery: NewDelivery, lease?: Lease) {
  return { delivery, lease, duplicates: 0 };
}
