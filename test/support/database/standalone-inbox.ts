import { AbstractLogger, type DataSource } from 'typeorm';
import {
  VerificationPayload,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import { statementTimeouts } from '../../../src/database/lanes.js';
import { PooledConnection } from '../../../src/database/pooled.connection.js';
import { SingleConnection } from '../../../src/database/single.connection.js';
import { openInbox } from '../../../src/inbox/inbox.boot.js';
import { Tables } from '../../../src/inbox/tables.js';
import { AttemptRepository } from '../../../src/inbox/attempt.repository.js';
import { ClaimRepository } from '../../../src/inbox/claim.repository.js';
import { RescueRepository } from '../../../src/inbox/rescue.repository.js';
import { DeliveryStateRepository } from '../../../src/inbox/delivery-state.repository.js';
import { SettlementRepository } from '../../../src/inbox/settlement.repository.js';
import { HandlerSetRepository } from '../../../src/inbox/handler-set.repository.js';
import { HandlerRunRepository } from '../../../src/inbox/handler-run.repository.js';
import { QueuedRunRepository } from '../../../src/inbox/queued-run.repository.js';
import { DeliveryRepository } from '../../../src/inbox/delivery.repository.js';
import { DuplicateCounter } from '../../../src/inbox/duplicate.counter.js';
import { newDelivery, type ClaimKey, type Lease, type NewDelivery } from '../../../src/inbox/claimed-delivery.js';
import type { Dialect } from '../../../src/database/dialect/dialect.js';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { TelemetryHooks } from '../../../src/instrumentation/telemetry.hooks.js';
import { PlainTextCodec } from '../../../src/inbox/payload.codec.js';
import type { Recording } from '../../../src/inbox/verdict.js';
import type { TestDatabase } from './databases.js';
import { payload } from '../app/payload.js';

const SETTINGS = { connections: 4, listenNotify: false, timeouts: statementTimeouts(10_000, 30_000) };

/** An inbox without an app around it, on connections of its own. */
export class StandaloneInbox {
  #duplicates?: DuplicateCounter;

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
    return new StandaloneInbox(host, await openInbox(host, undefined, SETTINGS));
  }

  /** Opens it on the host's own connection, whose statements are kept. */
  static async openWatched(database: TestDatabase): Promise<StandaloneInbox> {
    const own = await StandaloneInbox.open(database);
    await own.close();
    return StandaloneInbox.openWithDialect(own.connection.dialect, database);
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
      database.kind === 'sqlite'
        ? new SingleConnection(host, host, dialect)
        : new PooledConnection(host, dialect, { pool: host, hostConnections: 10, ...SETTINGS });
    return new StandaloneInbox(host, connection, statements, parameters);
  }

  get tables(): Tables {
    return new Tables(this.dataSource);
  }

  get deliveries(): DeliveryRepository {
    return new DeliveryRepository(this.connection, this.tables, new PlainTextCodec(), this.duplicates);
  }

  /** Counts the duplicates of every repository that was taken from here. */
  get duplicates(): DuplicateCounter {
    const telemetry = new TelemetryHooks([], new Instrumentation());
    this.#duplicates ??= new DuplicateCounter(this.states, { now: Date.now }, telemetry);
    return this.#duplicates;
  }

  get claims(): ClaimRepository {
    return new ClaimRepository(this.connection, this.tables);
  }

  get rescues(): RescueRepository {
    const sets = new HandlerSetRepository(this.connection, this.tables, { now: Date.now });
    return new RescueRepository(this.connection, this.tables, this.claims, this.runs, sets);
  }

  get queued(): QueuedRunRepository {
    return new QueuedRunRepository(this.connection, this.tables, this.claims, this.runs, this.attempts);
  }

  get attempts(): AttemptRepository {
    return new AttemptRepository(this.connection, this.tables);
  }

  get runs(): HandlerRunRepository {
    return new HandlerRunRepository(this.connection, this.tables);
  }

  get settlements(): SettlementRepository {
    return new SettlementRepository(this.connection, this.tables, this.claims, this.runs, this.queued, this.attempts);
  }

  get states(): DeliveryStateRepository {
    return new DeliveryStateRepository(
      this.connection,
      this.tables,
      this.claims,
      this.runs,
      { now: Date.now },
      new PlainTextCodec(),
    );
  }

  /** Reads all deliveries, oldest first, as the database has them. */
  rows(): Promise<Record<string, unknown>[]> {
    return this.dataSource.query(
      `SELECT * FROM cr3dentials_webhook_delivery d JOIN cr3dentials_webhook_delivery_state s ON s.delivery_id = d.id
       ORDER BY d.id`,
    );
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

/** Returns the claims that a worker has of some deliveries. */
export function claimsOf(claimId: string, ...ids: (string | undefined)[]): ClaimKey[] {
  return ids.map((id) => ({ id: String(id), claimId }));
}

/** Wraps it as it is recorded without duplicates. */
export function alone(delivery: NewDelivery, lease?: Lease) {
  return { delivery, lease, duplicates: 0 };
}

/** What became of a batch, without the deliveries. */
export function verdictsOf(recordings: readonly (Recording | 'locked')[]): string[] {
  return recordings.map((recording) => (recording === 'locked' ? recording : recording.verdict));
}
