import { DuplicateCounter } from '../../../src/inbox/duplicate.counter.js';
import type { DynamicModule, INestApplication, Provider, Type } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import {
  Clock,
  Cr3dentialsWebhookInbox,
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
  type Cr3dentialsWebhookExtras,
  type Cr3dentialsWebhookOptions,
  type RejectionDetails,
  type RejectionFilter,
} from 'nestjs-cr3dentials-webhook';
import { request as httpRequest } from 'node:http';
import type { DataSourceOptions } from 'typeorm';
import { SECRET, withoutCanaries } from './canaries.js';
import { testEncryption } from './test-encryption.js';
import type { TestDatabase } from '../database/databases.js';
import { RememberingLogger } from './log.js';
import { until } from '../time/until.js';

export type Platform = 'express' | 'fastify';
export const platforms: Platform[] = ['express', 'fastify'];

export { SECRET } from './canaries.js';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Record<string, string | string[] | undefined>;
}

type Options = Partial<Cr3dentialsWebhookOptions> & Cr3dentialsWebhookExtras;

/** No test waits for what it does not measure. */
const IMPATIENT: Options = {
  processing: { pollInterval: 25, retry: { initialDelay: 20, maxDelay: 50, jitter: 'none' } },
};

/** A host app with our module, put together word by word: `await webhookApp(database).withHandlers(Accounts).start()`. */
export class WebhookAppBuilder {
  private platform: Platform = 'express';
  private options: Options = {};
  private dataSource: Partial<DataSourceOptions> = {};
  private providers: Provider[] = [];
  private controllers: Type[] = [];
  private imports: (DynamicModule | Type)[] = [EventEmitterModule.forRoot()];
  private module?: DynamicModule;
  private clock?: Clock;
  private rawBody = false;
  private bodyParser = true;
  private configure: (app: INestApplication) => void = () => {};

  constructor(private readonly database: TestDatabase) {}

  on(platform: Platform): this {
    this.platform = platform;
    return this;
  }

  /** Providers with `@OnVerification` or `@OnEvent` methods, or any other. */
  withHandlers(...providers: Provider[]): this {
    this.providers.push(...providers);
    return this;
  }

  withControllers(...controllers: Type[]): this {
    this.controllers.push(...controllers);
    return this;
  }

  importing(...modules: (DynamicModule | Type)[]): this {
    this.imports.push(...modules);
    return this;
  }

  /** In place of the event emitter module that hosts are told to import. */
  withoutEventEmitter(): this {
    this.imports = [];
    return this;
  }

  withOptions(options: Options): this {
    this.options = merged(this.options, options);
    return this;
  }

  /** Another way of importing our module than `forRoot` with the options. */
  withModule(module: DynamicModule): this {
    this.module = module;
    return this;
  }

  withDataSource(options: Partial<DataSourceOptions>): this {
    this.dataSource = options;
    return this;
  }

  withClock(clock: Clock): this {
    this.clock = clock;
    return this;
  }

  withRawBody(): this {
    this.rawBody = true;
    return this;
  }

  /** As packages ask for that read bodies themselves. */
  withoutBodyParser(): this {
    this.bodyParser = false;
    return this;
  }

  /** What a host does to its app before it listens: prefix, versioning, global pipes. */
  configured(configure: (app: INestApplication) => void): this {
    this.configure = configure;
    return this;
  }

  async start(): Promise<WebhookApp> {
    const logger = new RememberingLogger();
    const builder = Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({
          ...this.database.options,
          entities: [...cr3dentialsWebhookEntities],
          migrations: [...cr3dentialsWebhookMigrations],
          migrationsRun: true,
          retryAttempts: 0,
          ...this.dataSource,
        } as TypeOrmModuleOptions),
        ...this.imports,
        this.module ??
          Cr3dentialsWebhookModule.forRoot({
            auth: { secrets: [SECRET] },
            ...(testEncryption && { encryption: testEncryption }),
            ...merged(IMPATIENT, this.options),
          }),
      ],
      providers: this.providers,
      controllers: this.controllers,
    }).setLogger(logger);
    if (this.clock) builder.overrideProvider(Clock).useValue(this.clock);
    const module = await builder.compile();
    const adapter = this.platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
    const app = module.createNestApplication(adapter, { rawBody: this.rawBody, bodyParser: this.bodyParser });
    this.configure(app);
    await app.listen(0, '127.0.0.1');
    return new WebhookApp(app, await app.getUrl(), logger);
  }
}

export function webhookApp(database: TestDatabase): WebhookAppBuilder {
  return new WebhookAppBuilder(database);
}

/** Step by step: what a test says of processing leaves the fast poll as it is. */
function merged(one: Options, other: Options): Options {
  return {
    ...one,
    ...other,
    receiving: { ...one.receiving, ...other.receiving },
    processing: { ...one.processing, ...other.processing },
  };
}

/** A running host app, seen from outside over HTTP and from inside through the injectable inbox. */
export class WebhookApp {
  constructor(
    readonly nest: INestApplication,
    readonly url: string,
    readonly logger: RememberingLogger,
  ) {}

  get inbox(): Cr3dentialsWebhookInbox {
    return this.nest.get(Cr3dentialsWebhookInbox, { strict: false });
  }

  /** Posts with the right secret; a string or bytes are sent as they are. */
  post(
    body: unknown,
    {
      headers = {},
      path = '/webhook/cr3dentials',
    }: { headers?: Record<string, string | string[]>; path?: string } = {},
  ): Promise<Answer> {
    const content = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return this.send(content, { 'x-api-key': SECRET, 'content-type': 'application/json', ...headers }, path);
  }

  /** Posts with no header but these. */
  send(
    content: string | Buffer,
    headers: Record<string, string | string[]>,
    path = '/webhook/cr3dentials',
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(this.url + path, {
        method: 'POST',
        headers: { 'content-length': String(Buffer.byteLength(content)), ...headers },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve(
            withoutCanaries({
              status: response.statusCode ?? 0,
              body: Buffer.concat(chunks).toString(),
              headers: response.headers,
            }),
          ),
        );
        response.on('error', reject);
      });
      request.end(content);
    });
  }

  /** Awaits that the delivery of a session is in a state, and answers it with its handler runs. */
  delivery(sessionId: unknown, state: string, tenant?: string) {
    return until(`session ${String(sessionId)} is ${state}`, async () => {
      // Its row may have been locked by the worker when a duplicate arrived.
      await this.nest.get(DuplicateCounter, { strict: false }).flush();
      const delivery = await this.inbox.find({ sessionId: String(sessionId), ...(tenant !== undefined && { tenant }) });
      return delivery?.state === state ? delivery : null;
    });
  }

  /** Lists rejections, each with its payload. */
  async rejections(filter?: RejectionFilter): Promise<RejectionDetails[]> {
    const { rejections } = this.inbox;
    const found = await Promise.all((await rejections.list(filter)).map(({ id }) => rejections.find(id)));
    return found.filter((rejection) => rejection !== null);
  }

  stop(): Promise<void> {
    return this.nest.close();
  }
}
