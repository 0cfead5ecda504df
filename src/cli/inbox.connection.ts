import { randomUUID } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Clock } from '../clock.js';
import type { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import { messageLine } from './error.line.js';
import { UsageError } from './usage.error.js';

/** Files in which the TypeORM command line and hosts have their DataSource. */
const USUAL_FILES = ['dist/data-source.js', 'data-source.js', 'dist/ormconfig.js', 'ormconfig.js'];

/** The inbox of a host, and how to let it go. */
export interface InboxConnection {
  readonly inbox: Cr3dentialsWebhookInbox;
  /** Clock of the database, by which deliveries are received. */
  readonly clock: Clock;
  close(): Promise<void>;
}

/** Part of a module of Nest that is used here. The command line has no dependency on Nest. */
interface NestModule {
  imports?: readonly unknown[];
}
interface NestContext {
  get<T>(token: unknown): T;
  close(): Promise<void>;
}

/** The packages of the host, as this package finds them. They are loaded by the commands that need them. */
interface HostPackages {
  NestFactory: { createApplicationContext(module: unknown, options: object): Promise<NestContext> };
  TypeOrmModule: { forRoot(options: object): NestModule };
  ours: {
    Cr3dentialsWebhookModule: { forRoot(options: object): NestModule };
    cr3dentialsWebhookEntities: readonly unknown[];
    Clock: typeof Clock;
  };
}

/** Options of a DataSource, as far as they are looked at here. */
interface DataSourceOptions {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly database?: unknown;
}

/**
 * Opens the inbox in the database of a DataSource file. It handles no delivery, runs no migration, and loads nothing of
 * the host but that file.
 *
 * @throws UsageError without such a file, or without the file of the database that it names
 */
export async function connectInbox(file: string | undefined): Promise<InboxConnection> {
  const { name: _, ...options } = await dataSourceOptions(file);
  const { NestFactory, TypeOrmModule, ours } = packages();
  const dataSource = TypeOrmModule.forRoot({
    ...options,
    entities: [...ours.cr3dentialsWebhookEntities],
    migrations: [],
    subscribers: [],
    migrationsRun: false,
    synchronize: false,
    dropSchema: false,
    logging: false,
    retryAttempts: 0,
  });
  const inbox = ours.Cr3dentialsWebhookModule.forRoot({
    auth: { secrets: [randomUUID()] }, // nobody posts here
    processing: { enabled: false },
    observe: false,
  });
  const app = await NestFactory.createApplicationContext(
    { ...inbox, imports: [...(inbox.imports ?? []), dataSource] },
    { logger: false, abortOnError: false },
  ).catch(explain);
  return {
    inbox: app.get<Cr3dentialsWebhookInbox>('Cr3dentialsWebhookInbox'),
    clock: app.get(ours.Clock),
    close: () => app.close(),
  };
}

/** Nothing was asked yet, so the message has no values. It may be empty if there are several addresses. */
function explain(error: unknown): never {
  if (error instanceof Error && error.name === 'Cr3dentialsWebhookError') throw error;
  throw new UsageError(`The database cannot be opened: ${messageLine(error)}`);
}

function packages(): HostPackages {
  const require = createRequire(realpathSync(String(process.argv[1])));
  try {
    const { NestFactory } = require('@nestjs/core') as HostPackages;
    const { TypeOrmModule } = require('@nestjs/typeorm') as HostPackages;
    return { NestFactory, TypeOrmModule, ours: require('./cjs/index.js') as HostPackages['ours'] };
  } catch (error) {
    throw new UsageError(`Run this command where the app is installed. (${(error as Error).message.split('\n')[0]})`);
  }
}

/** Options of the DataSource that a file exports, by whatever name. */
async function dataSourceOptions(file: string | undefined): Promise<DataSourceOptions> {
  const found = file ?? USUAL_FILES.find((name) => existsSync(name));
  if (found === undefined || !existsSync(found))
    throw new UsageError(`There is no ${file ?? USUAL_FILES.join(', ')}. Name the file with --data-source.`);
  const exported = Object.values(await exportsOf(found)).flatMap(nested);
  const options = exported.find(isOptions);
  if (!options) throw new UsageError(`${found} exports no DataSource. Export one, as for "typeorm -d".`);
  assertDatabaseFile(options, found);
  return options;
}

function isOptions(exported: unknown): exported is DataSourceOptions {
  return exported !== null && typeof exported === 'object' && 'type' in exported;
}

/** SQLite would make a new file, which is empty, and TypeORM its folder. */
function assertDatabaseFile({ type, database }: DataSourceOptions, source: string): void {
  if (type !== 'better-sqlite3' || typeof database !== 'string' || isInMemory(database) || existsSync(database)) return;
  throw new UsageError(
    `There is no database file ${resolve(database)}, which ${source} names. Run this command in the folder that the app runs in, or write an absolute path there.`,
  );
}

function isInMemory(database: string): boolean {
  return database === '' || database.includes(':memory:');
}

async function exportsOf(file: string): Promise<object> {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as object;
  } catch (error) {
    throw new UsageError(`${file} cannot be loaded: ${String(Object(error).name)}: ${messageLine(error)}`);
  }
}

/** Exports of a module, also as CommonJS has them, and the options of a DataSource. */
function nested(exported: unknown): unknown[] {
  if (!exported || typeof exported !== 'object') return [];
  return [exported, ...Object.values(exported)].flatMap((one: unknown) =>
    one && typeof one === 'object' && 'options' in one ? [one.options] : [one],
  );
}
