import { ConfigurableModuleBuilder, type Provider } from '@nestjs/common';
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
import { DatabaseConnection } from './database/database.connection.js';
import { HTTP_SETTINGS } from './http/http.options.js';
import { openInbox } from './inbox/inbox.boot.js';
import { RECEIVING_SETTINGS } from './inbox/inbox.options.js';
import { cr3dentialsWebhookEntities } from './inbox/migrations/index.js';
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
        const extras = parseExtras(given);
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
    { provide: SETTINGS, inject: [GIVEN], useFactory: parseOptions },
    settingsOf(AUTH_SETTINGS, 'auth'),
    settingsOf(RECEIVING_SETTINGS, 'receiving'),
    settingsOf(PLATFORM_CLASSES, 'platforms'),
    settingsOf(PROCESSING_SETTINGS, 'processing'),
    { provide: HTTP_SETTINGS, useValue: http },
    {
      provide: SharedSecrets,
      inject: [GIVEN, SETTINGS], // once the settings are made, the options have been checked
      useFactory: ({ auth }: Cr3dentialsWebhookOptions) => sharedSecrets(auth),
    },
    {
      provide: DatabaseConnection,
      inject: [{ token: getDataSourceToken(dataSource), optional: true }],
      useFactory: (host: DataSource | undefined) => openInbox(host, dataSource),
    },
  ];
}

function settingsOf(token: symbol, step: keyof Settings): Provider {
  return { provide: token, inject: [SETTINGS], useFactory: (settings: Settings) => settings[step] };
}
