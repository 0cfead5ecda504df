import { ConfigurableModuleBuilder, type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { AUTH_SETTINGS, sharedSecrets } from './authentication/auth.options.js';
import { SharedSecrets } from './authentication/shared-secrets.js';
import { PLATFORM_CLASSES } from './contract/platforms.options.js';
import { controllerAt } from './cr3dentials-webhook.controller.js';
import {
  parseExtras,
  parseOptions,
  type Cr3dentialsWebhookExtras,
  type Cr3dentialsWebhookOptions,
  type ExtraSettings,
  type Settings,
} from './cr3dentials-webhook.options.js';
import { atBoot, Cr3dentialsWebhookError } from './cr3dentials-webhook.error.js';
import { NoNotifications, NotificationChannel, PostgresNotifications } from './database/notification.channel.js';
import { sha256 } from './inbox/delivery.identity.js';
import { Tables } from './inbox/tables.js';
import { Instrumentation } from './instrumentation/instrumentation.js';
import { DatabaseConnection } from './database/database.connection.js';
import { statementTimeouts } from './database/lanes.js';
import { BODY_TIMEOUT_MS } from './http/body.reader.js';
import { keySource } from './encryption/encryption.boot.js';
import { ENCRYPTION_SETTINGS } from './encryption/encryption.options.js';
import { KeySource } from './encryption/key.source.js';
import { HTTP_SETTINGS } from './http/http.options.js';
import { openInbox } from './inbox/inbox.boot.js';
import { MAX_AGE_OF_COMPLETION, RECEIVING_SETTINGS } from './inbox/inbox.options.js';
import { cr3dentialsWebhookEntities } from './inbox/migrations/index.js';
import { RETENTION_SETTINGS } from './retention/retention.options.js';
import { RETENTION_ENABLED } from './retention/retention.runner.js';
import { PROCESSING_SETTINGS } from './processing/processing.options.js';

/**
 * Token of the options as the host gave them, secrets included. It is a symbol, so that nobody else can inject them.
 */
const GIVEN = Symbol('cr3dentials-webhook options');
/** Token of the settings of all steps. Each step injects only its own. */
const SETTINGS = Symbol('cr3dentials-webhook settings');

const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<Cr3dentialsWebhookOptions>({ optionsInjectionToken: GIVEN })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createCr3dentialsWebhookOptions')
    .setExtras<Cr3dentialsWebhookExtras>(
      { path: undefined, dataSource: undefined, controllerDecorators: undefined, isGlobal: undefined },
      (definition, given) => {
        const extras = atBoot(() => parseExtras(given));
        // The host's `autoLoadEntities` needs this call. The repositories that it returns are not needed.
        TypeOrmModule.forFeature([...cr3dentialsWebhookEntities], extras.dataSource);
        return {
          ...definition,
          global: extras.isGlobal,
          controllers: [controllerAt(extras.http.paths, extras.http.controllerDecorators)],
          providers: [...(definition.providers ?? []), ...configured(extras)],
        };
      },
    )
    .build();

export { ASYNC_OPTIONS_TYPE, ConfigurableModuleClass, OPTIONS_TYPE };

function configured({ http, dataSource }: ExtraSettings): Provider[] {
  return [
    {
      provide: SETTINGS,
      inject: [GIVEN, ModulesContainer],
      useFactory: (given: unknown, modules: ModulesContainer) => atBoot(() => settingsFrom(given, modules)),
    },
    settingsOf(AUTH_SETTINGS, 'auth'),
    settingsOf(RECEIVING_SETTINGS, 'receiving'),
    settingsOf(PLATFORM_CLASSES, 'platforms'),
    settingsOf(PROCESSING_SETTINGS, 'processing'),
    settingsOf(ENCRYPTION_SETTINGS, 'encryption'),
    settingsOf(RETENTION_SETTINGS, 'retention'),
    retentionEnabled,
    maxAge,
    { provide: HTTP_SETTINGS, useValue: http },
    {
      provide: BODY_TIMEOUT_MS,
      inject: [SETTINGS],
      useFactory: ({ receiving }: Settings) => receiving.ackTimeout,
    },
    secrets,
    keys,
    connectionTo(dataSource),
    notifications,
  ];
}

const notifications: Provider = {
  provide: NotificationChannel,
  inject: [SETTINGS, DatabaseConnection, Tables, Instrumentation],
  useFactory: ({ database }: Settings, connection: DatabaseConnection, tables: Tables, signals: Instrumentation) =>
    database.listenNotify ? new PostgresNotifications(connection, channelName(tables), signals) : new NoNotifications(),
};

/** Returns a name that only instances on the same tables have. It fits PostgreSQL's 63 bytes. */
function channelName({ namespace }: Tables): string {
  return `cr3dentials_webhook_${sha256(namespace).slice(0, 16)}`;
}

function connectionTo(dataSource: string | undefined): Provider {
  return {
    provide: DatabaseConnection,
    inject: [{ token: getDataSourceToken(dataSource), optional: true }, SETTINGS],
    useFactory: (host: DataSource | undefined, { database, receiving, processing }: Settings) => {
      const timeouts = statementTimeouts(receiving.ackTimeout, processing.lease);
      return atBoot(() => openInbox(host, dataSource, { ...database, timeouts }));
    },
  };
}

const retentionEnabled: Provider = {
  provide: RETENTION_ENABLED,
  inject: [SETTINGS],
  useFactory: ({ processing }: Settings) => processing.enabled,
};

/** A day is left for what is under way. */
const maxAge: Provider = {
  provide: MAX_AGE_OF_COMPLETION,
  inject: [SETTINGS],
  useFactory: ({ retention: { deliveries } }: Settings) => deliveries && deliveries - 86_400_000,
};

const secrets: Provider = {
  provide: SharedSecrets,
  inject: [GIVEN, SETTINGS], // once the settings are made, the options have been checked
  useFactory: ({ auth }: Cr3dentialsWebhookOptions) => sharedSecrets(auth),
};

const keys: Provider = {
  provide: KeySource,
  inject: [GIVEN, SETTINGS, Instrumentation],
  useFactory: ({ encryption }: Cr3dentialsWebhookOptions, settings: Settings, instrumentation: Instrumentation) =>
    keySource(encryption, settings.encryption, instrumentation),
};

/** What the module needs and has only once it is configured. `forRoot` provides all of them anew. */
export const unconfigured: Provider[] = [
  AUTH_SETTINGS,
  RECEIVING_SETTINGS,
  PLATFORM_CLASSES,
  PROCESSING_SETTINGS,
  ENCRYPTION_SETTINGS,
  RETENTION_SETTINGS,
  RETENTION_ENABLED,
  MAX_AGE_OF_COMPLETION,
  HTTP_SETTINGS,
  SharedSecrets,
  KeySource,
  DatabaseConnection,
  NotificationChannel,
].map((provide) => ({ provide, useFactory: refuseUnconfigured }));

function refuseUnconfigured(): never {
  return atBoot(() => {
    throw new Cr3dentialsWebhookError(
      'MODULE_UNCONFIGURED',
      'A module imports Cr3dentialsWebhookModule without options. Import Cr3dentialsWebhookModule.forRoot(…) once, in the root module. Other modules inject Cr3dentialsWebhookInbox without an import, unless isGlobal is false there.',
    );
  });
}

function settingsFrom(given: unknown, modules: ModulesContainer): Settings {
  assertOnlyOne(modules);
  return parseOptions(given);
}

/** Two of them would share one inbox: each would run the deliveries of the other, by its own retry policy and classes. */
function assertOnlyOne(modules: ModulesContainer): void {
  const configuredModules = [...modules.values()].filter(({ providers }) => providers.has(GIVEN));
  if (configuredModules.length < 2) return;
  throw new Cr3dentialsWebhookError(
    'MODULE_DUPLICATE',
    `Cr3dentialsWebhookModule is configured ${configuredModules.length} times in this app, and there is one inbox. Call forRoot or forRootAsync once, in the root module. For several routes, pass an array as "path"; for several partners, use auth.resolveSecrets.`,
  );
}

function settingsOf(token: symbol, step: keyof Settings): Provider {
  return { provide: token, inject: [SETTINGS], useFactory: (settings: Settings) => settings[step] };
}
