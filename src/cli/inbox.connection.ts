import { randomUUID } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Clock } from '../clock.js';
import type { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import { UsageError } from './usage.error.js';

/** Where the TypeORM command line and hosts have their DataSource. */
const USUAL_FILES = ['dist/data-source.js', 'data-source.js', 'dist/ormconfig.js', 'ormconfig.js'];

/** The inbox of a host, and how to let it go. */
export interface InboxConnection {
  readonly inbox: Cr3dentialsWebhookInbox;
  /** Clock of the database, by which deliveries are received. */
  readonly clock: Clock;
  close(): Promise<void>;
}

/** What is needed of a module of Nest, and of an app. The command line has no dependency on it. */
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

/**
 * Opens the inbox in the database of a DataSource file. It handles no delivery, runs no migration, and loads nothing of
 * the host but that file.
 *
 * @throws UsageError without such a file
 */
export async function openInbox(file: string | undefined): Promise<InboxConnection> {
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
  });
  const app = await NestFactory.createApplicationContext(
    { ...inbox, imports: [...(inbox.imports ?? []), dataSource] },
    { logger: false, abortOnError: false },
  );
  return {
    inbox: app.get<Cr3dentialsWebhookInbox>('Cr3dentialsWebhookInbox'),
    clock: app.get(ours.Clock),
    close: () => app.close(),
  };
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
async function dataSourceOptions(file: string | undefined): Promise<{ name?: unknown }> {
  const found = file ?? USUAL_FILES.find((name) => existsSync(name));
  if (found === undefined || !existsSync(found))
    throw new UsageError(`There is no ${file ?? USUAL_FILES.join(', ')}. Name the file with --data-source.`);
  const exported = Object.values((await import(pathToFileURL(resolve(found)).href)) as object).flatMap(nested);
  const options = exported.find((one) => one && typeof one === 'object' && 'type' in one);
  if (!options) throw new UsageError(`${found} exports no DataSource. Export one, as for "typeorm -d".`);
  return options as { name?: unknown };
}

/** What a module exports, also as CommonJS does, and the options of a DataSource. */
function nested(exported: unknown): unknown[] {
  if (!exported || typeof exported !== 'object') return [];
  return [exported, ...Object.values(exported)].flatMap((one: unknown) =>
    one && typeof one === 'object' && 'options' in one ? [one.options] : [one],
  );
}
