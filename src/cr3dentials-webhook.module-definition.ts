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
import { withoutStack, Cr3dentialsWebhookError } from './cr3dentials-webhook.error.js';
import { NoNotifications, NotificationChannel, PostgresNotifications } from './database/notification.channel.js';
import { sha256 } from './inbox/delivery.identity.js';
import { Tables } from './inbox/tables.js';
import { TelemetryHooks } from './instrumentation/telemetry.hooks.js';
import { Instrumentation } from './instrumentation/instrumentation.js';
import { DatabaseConnection } from './database/database.connection.js';
import { statementTimeouts } from './database/lanes.js';
import { BODY_TIMEOUT } from './http/body.reader.js';
import { keySource } from './encryption/encryption.boot.js';
import { ENCRYPTION_SETTINGS } from './encryption/encryption.options.js';
import { KeySource } from './encryption/key.source.js';
import { HTTP_SETTINGS } from './http/http.options.js';
import { openInbox } from './inbox/inbox.boot.js';
import { STALE_AFTER, RECEIVING_SETTINGS } from './inbox/receiving.options.js';
import { cr3dentialsWebhookEntities } from './inbox/entities.js';
import { SWEEP_DELAY } from './retention/eraser.js';
import { RETENTION_SETTINGS } from './retention/retention.options.js';
import { RETENTION_ENABLED } from './retention/retention.runner.js';
import { OBSERVE_SETTINGS } from './instance-reports/observe.options.js';
import { DEFAULT_SETTINGS, plain, PLAIN_SETTINGS } from './instance-reports/plain.settings.js';
import { ON_ACTION } from './operations/action.callback.js';
import { PROCESSING_SETTINGS } from './processing/processing.options.js';

/**
 * Token of the options as the host gave them, secrets included. It is a symbol, so that nobody else can inject them.
 */
const GIVEN_OPTIONS = Symbol('cr3dentials-webhook options');
/** Token of the settings of all steps. Each step injects only its own. */
const SETTINGS = Symbol('cr3dentials-webhook settings');

const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<Cr3dentialsWebhookOptions>({ optionsInjectionToken: GIVEN_OPTIONS })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createCr3dentialsWebhookOptions')
    .setExtras<Cr3dentialsWebhookExtras>(
      {
        receive: undefined,
        path: undefined,
        dataSource: undefined,
        controllerDecorators: undefined,
        isGlobal: undefined,
      },
      (definition, given) => {
        const extras = withoutStack(() => parseExtras(given));
        // The host's `autoLoadEntities` needs this call. The repositories that it returns are not needed.
        TypeOrmModule.forFeature([...cr3dentialsWebhookEntities], extras.dataSource);
        return {
          ...definition,
          global: extras.isGlobal,
          controllers: extras.http.receive ? [controllerAt(extras.http)] : [],
          providers: [...(definition.providers ?? []), ...configuredProviders(extras)],
        };
      },
    )
    .build();

export { ASYNC_OPTIONS_TYPE, ConfigurableModuleClass, OPTIONS_TYPE };

function configuredProviders({ http, dataSource }: ExtraSettings): Provider[] {
  return [
    {
      provide: SETTINGS,
      inject: [GIVEN_OPTIONS, ModulesContainer],
      useFactory: (given: unknown, modules: ModulesContainer) => withoutStack(() => settingsFrom(given, modules)),
    },
    settingsOf(AUTH_SETTINGS, 'auth'),
    settingsOf(RECEIVING_SETTINGS, 'receiving'),
    settingsOf(PLATFORM_CLASSES, 'platforms'),
    settingsOf(PROCESSING_SETTINGS, 'processing'),
    ...observed,
    settingsOf(ENCRYPTION_SETTINGS, 'encryption'),
    settingsOf(RETENTION_SETTINGS, 'retention'),
    retentionEnabled,
    staleAfterMs,
    sweepDelay,
    { provide: HTTP_SETTINGS, useValue: http },
    {
      provide: BODY_TIMEOUT,
      inject: [SETTINGS],
      useFactory: ({ receiving }: Settings) => receiving.ackTimeout,
    },
    secrets,
    telemetry,
    keys,
    connectionTo(dataSource),
    notifications,
  ];
}

/** Settings hold no secret. */
function plainOf({ platforms, telemetry: all, ...settings }: Settings): unknown {
  return plain({ ...settings, platforms: Object.keys(platforms), telemetry: all.length });
}

const observed: Provider[] = [
  settingsOf(OBSERVE_SETTINGS, 'observe'),
  settingsOf(ON_ACTION, 'onAction'),
  { provide: PLAIN_SETTINGS, inject: [SETTINGS], useFactory: plainOf },
  // Who may send has no default. No value of it is in the settings.
  { provide: DEFAULT_SETTINGS, useFactory: () => plainOf(parseOptions({ auth: { secrets: ['of nobody'] } })) },
];

const notifications: Provider = {
  provide: NotificationChannel,
  inject: [SETTINGS, DatabaseConnection, Tables, Instrumentation],
  useFactory: (
    { database }: Settings,
    connection: DatabaseConnection,
    tables: Tables,
    instrumentation: Instrumentation,
  ) =>
    database.listenNotify
      ? new PostgresNotifications(connection, channelName(tables), instrumentation)
      : new NoNotifications(),
};

/** Returns a name that only instances on the same tables have. It fits PostgreSQL's 63 bytes. */
function channelName({ namespace }: Tables): string {
  return `cr3dentials_webhook_${sha256(namespace).slice(0, 16)}`;
}

function connectionTo(dataSource: string | undefined): Provider {
  return {
    provide: DatabaseConnection,
    inject: [{ token: getDataSourceToken(dataSource), optional: true }, SETTINGS, TelemetryHooks],
    useFactory: (host: DataSource | undefined, settings: Settings, hooks: TelemetryHooks) => {
      const { database, receiving, processing } = settings;
      const timeouts = statementTimeouts(receiving.ackTimeout, processing.lease);
      return withoutStack(() => hooks.inBackground(() => openInbox(host, dataSource, { ...database, timeouts })));
    },
  };
}

const retentionEnabled: Provider = {
  provide: RETENTION_ENABLED,
  inject: [SETTINGS],
  useFactory: ({ processing }: Settings) => processing.enabled,
};

/** Stale one day before rows are removed, for POSTs in flight. */
const staleAfterMs: Provider = {
  provide: STALE_AFTER,
  inject: [SETTINGS],
  useFactory: ({ retention: { deliveries } }: Settings) => deliveries && deliveries - 86_400_000,
};

/** By then every POST is recorded or dropped, and a worker that lost its lease knows it. */
const sweepDelay: Provider = {
  provide: SWEEP_DELAY,
  inject: [SETTINGS],
  useFactory: ({ receiving, processing }: Settings) => receiving.ackTimeout + processing.lease,
};

const secrets: Provider = {
  provide: SharedSecrets,
  inject: [GIVEN_OPTIONS, SETTINGS], // once the settings are made, the options have been checked
  useFactory: ({ auth }: Cr3dentialsWebhookOptions) => sharedSecrets(auth),
};

const telemetry: Provider = {
  provide: TelemetryHooks,
  inject: [SETTINGS, Instrumentation],
  useFactory: ({ telemetry: all }: Settings, instrumentation: Instrumentation) =>
    new TelemetryHooks(all, instrumentation),
};

const keys: Provider = {
  provide: KeySource,
  inject: [GIVEN_OPTIONS, SETTINGS, Instrumentation],
  useFactory: ({ encryption }: Cr3dentialsWebhookOptions, settings: Settings, instrumentation: Instrumentation) =>
    keySource(encryption, settings.encryption, instrumentation),
};

/** Providers that the module has only once it is configured. `forRoot` provides all of them anew. */
export const unconfiguredProviders: Provider[] = [
  AUTH_SETTINGS,
  RECEIVING_SETTINGS,
  PLATFORM_CLASSES,
  PROCESSING_SETTINGS,
  OBSERVE_SETTINGS,
  ON_ACTION,
  PLAIN_SETTINGS,
  DEFAULT_SETTINGS,
  ENCRYPTION_SETTINGS,
  RETENTION_SETTINGS,
  RETENTION_ENABLED,
  STALE_AFTER,
  SWEEP_DELAY,
  HTTP_SETTINGS,
  SharedSecrets,
  TelemetryHooks,
  KeySource,
  DatabaseConnection,
  NotificationChannel,
].map((provide) => ({ provide, useFactory: refuseUnconfigured }));

function refuseUnconfigured(): never {
  return withoutStack(() => {
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

/**
 * Two of them would share one inbox: each would run the deliveries of the other, by its own retry policy and classes.
 */
function assertOnlyOne(modules: ModulesContainer): void {
  const configuredModules = [...modules.values()].filter(({ providers }) => providers.has(GIVEN_OPTIONS));
  if (configuredModules.length < 2) return;
  throw new Cr3dentialsWebhookError(
    'MODULE_DUPLICATE',
    `Cr3dentialsWebhookModule is configured ${configuredModules.length} times in this app, and there is one inbox. Call forRoot or forRootAsync once, in the root module. For several routes, pass an array as "path"; for several partners, use auth.resolveSecrets.`,
  );
}

function settingsOf(token: symbol, step: keyof Settings): Provider {
  return { provide: token, inject: [SETTINGS], useFactory: (settings: Settings) => settings[step] };
}
