import { ConfigurableModuleBuilder, type Provider } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { controllerAt } from './cr3dentials-webhook.controller.js';
import { checkExtras, checkOptions } from './cr3dentials-webhook.options.check.js';
import {
  withDefaultExtras,
  withDefaults,
  type Cr3dentialsWebhookExtras,
  type Cr3dentialsWebhookOptions,
} from './cr3dentials-webhook.options.js';
import { EXTRAS, HOST_DATA_SOURCE, SETTINGS } from './cr3dentials-webhook.tokens.js';
import { cr3dentialsWebhookEntities } from './inbox/migrations/index.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<Cr3dentialsWebhookOptions>({ moduleName: 'Cr3dentialsWebhook' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createCr3dentialsWebhookOptions')
    .setExtras<Cr3dentialsWebhookExtras>(
      { path: undefined, dataSource: undefined, controllerDecorators: undefined, isGlobal: undefined },
      (definition, given) => {
        checkExtras(given);
        const extras = withDefaultExtras(given);
        // For the host's `autoLoadEntities`; the repositories it would provide are not needed.
        TypeOrmModule.forFeature([...cr3dentialsWebhookEntities], extras.dataSource);
        return {
          ...definition,
          global: extras.isGlobal,
          controllers: [controllerAt(extras.path, extras.controllerDecorators)],
          providers: [...(definition.providers ?? []), ...configured(extras)],
        };
      },
    )
    .build();

export { ASYNC_OPTIONS_TYPE, ConfigurableModuleClass, OPTIONS_TYPE };

function configured(extras: ReturnType<typeof withDefaultExtras>): Provider[] {
  return [
    { provide: EXTRAS, useValue: extras },
    {
      provide: SETTINGS,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: unknown) => {
        checkOptions(options);
        return withDefaults(options);
      },
    },
    {
      provide: HOST_DATA_SOURCE,
      inject: [{ token: getDataSourceToken(extras.dataSource), optional: true }],
      useFactory: (dataSource: unknown) => dataSource,
    },
  ];
}
