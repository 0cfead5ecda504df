import { Module, type DynamicModule, type FactoryProvider, type ModuleMetadata, type Provider } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { Queue } from 'bullmq';
import { withoutStack } from '../cr3dentials-webhook.error.js';
import {
  parseBullMqExtras,
  parseBullMqOptions,
  type BullMqSettings,
  type Cr3dentialsWebhookBullMqExtras,
  type Cr3dentialsWebhookBullMqOptions,
} from './bullmq.options.js';
import { BullMqQueues } from './bullmq.queues.js';
import { producerConnection } from './redis.connection.js';

/** Token of the options, which may hold a password. It is a symbol, so that nobody else can inject them. */
const SETTINGS = Symbol('cr3dentials-webhook bullmq settings');

/**
 * Options of `forRootAsync`: a factory of the options, and beside it what providers hang on.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookBullMqAsyncOptions extends Cr3dentialsWebhookBullMqExtras {
  /** Modules whose providers the factory injects. */
  imports?: ModuleMetadata['imports'];
  /** Tokens of what the factory gets. */
  inject?: FactoryProvider['inject'];
  /** Returns the options. */
  useFactory: (...args: never[]) => Cr3dentialsWebhookBullMqOptions | Promise<Cr3dentialsWebhookBullMqOptions>;
}

/**
 * Has handlers with a `queue` run by workers of BullMQ. Import it once, in the root module. Its queues are provided
 * under the tokens of `@nestjs/bullmq`, so that `@InjectQueue('reports')` and boards find them.
 *
 * @publicApi
 */
@Module({})
export class Cr3dentialsWebhookBullMqModule {
  /**
   * Returns the module for these options.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`
   */
  static forRoot({
    queues,
    work,
    ...options
  }: Cr3dentialsWebhookBullMqOptions & Cr3dentialsWebhookBullMqExtras): DynamicModule {
    return this.forRootAsync({ queues, ...(work !== undefined && { work }), useFactory: () => options });
  }

  /**
   * Returns the module for options that a factory makes.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when `queues` or `work` are invalid
   */
  static forRootAsync(options: Cr3dentialsWebhookBullMqAsyncOptions): DynamicModule {
    const { imports = [], inject = [], useFactory, queues: given, work } = options;
    const extras = withoutStack(() => parseBullMqExtras({ queues: given, ...(work !== undefined && { work }) }));
    const settings: Provider = {
      provide: SETTINGS,
      inject,
      useFactory: async (...args: never[]) => {
        const made = await useFactory(...args);
        return withoutStack(() => parseBullMqOptions(made));
      },
    };
    const queues = [...extras.queues.keys()].map(queueProvider);
    const tokens = queues.map(({ provide }) => provide);
    const driver: Provider = {
      provide: BullMqQueues,
      inject: [SETTINGS, ModuleRef, ...tokens],
      useFactory: (made: BullMqSettings, modules: ModuleRef, ...all: (Queue | undefined)[]) =>
        new BullMqQueues(made, extras, all, modules, Math.random),
    };
    const module = Cr3dentialsWebhookBullMqModule;
    return { module, global: true, imports, providers: [settings, ...queues, driver], exports: tokens };
  }
}

/** The token is that of `getQueueToken()` of `@nestjs/bullmq`. */
function queueProvider(name: string): FactoryProvider<Queue | undefined> {
  return {
    provide: `BullQueue_${name}`,
    inject: [SETTINGS],
    useFactory({ enabled, connection, prefix }: BullMqSettings) {
      if (!enabled) return undefined;
      const queue = new Queue(name, { connection: producerConnection(connection), prefix });
      return queue.on('error', () => {}); // whoever gives it jobs meets it
    },
  };
}
