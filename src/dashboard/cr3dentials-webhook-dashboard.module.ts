import { Module, type DynamicModule, type FactoryProvider, type Provider, type Type } from '@nestjs/common';
import { invalid } from '../option.checks.js';
import { withoutStack } from '../cr3dentials-webhook.error.js';
import type { DashboardRequest } from './access/access.options.js';
import { checkAsyncOptions } from './async.checks.js';
import { checkOptions, dashboardSettings, routeSettings } from './dashboard.checks.js';
import { dashboardControllers } from './dashboard.controllers.js';
import type {
  DashboardAsyncOptions,
  DashboardExtras,
  DashboardOptions,
  DashboardOptionsFactory,
} from './dashboard.options.js';
import { dashboardProviders } from './dashboard.providers.js';
import { DASHBOARD_ROUTES_TOKEN, DashboardRoutes } from './dashboard.routes.js';
import { DASHBOARD_SETTINGS, ROUTE_SETTINGS } from './dashboard.settings.js';

/**
 * Serves a page for operators, and its JSON API, in the host's own application. It is closed unless `access` says who
 * is let in. Import it once, beside `Cr3dentialsWebhookModule`.
 *
 * @publicApi
 */
@Module({})
export class Cr3dentialsWebhookDashboardModule {
  /**
   * Returns the module for these options.
   *
   * @throws Cr3dentialsWebhookError `DASHBOARD_OPEN` when it is not said who is let in; `OPTIONS_INVALID`
   */
  static forRoot<R extends DashboardRequest = DashboardRequest>(
    given: DashboardOptions<R> & DashboardExtras,
  ): DynamicModule {
    withoutStack(() => checkOptions(Object(given) as object));
    const { path, imports, enabled, controllerDecorators, ...options } = given;
    const { access } = options;
    const isGuarded = typeof access === 'object' && 'guards' in access;
    return moduleOf({
      path,
      imports,
      enabled,
      controllerDecorators,
      ...(isGuarded && { guards: access.guards, ...(access.signIn && { signIn: access.signIn }) }),
      useFactory: () => ({ ...options, access: isGuarded ? { identify: access.identify } : access }) as never,
    } as DashboardAsyncOptions);
  }

  /**
   * Returns the module for options that a provider makes. Guards stand beside it.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option beside the provider is invalid. `DASHBOARD_OPEN`
   *   stops the boot when the provider does not say who is let in
   */
  static forRootAsync<R extends DashboardRequest = DashboardRequest>(given: DashboardAsyncOptions<R>): DynamicModule {
    withoutStack(() => checkAsyncOptions(Object(given) as object));
    return moduleOf(given as DashboardAsyncOptions);
  }
}

function moduleOf(given: DashboardAsyncOptions): DynamicModule {
  const routes = withoutStack(() => routeSettings(given));
  const isEnabled = given.enabled ?? true;
  const common = [{ provide: ROUTE_SETTINGS, useValue: routes }, DashboardRoutes];
  const names = [{ provide: DASHBOARD_ROUTES_TOKEN, useExisting: DashboardRoutes }];
  return {
    module: Cr3dentialsWebhookDashboardModule,
    imports: [...(given.imports ?? [])],
    controllers: isEnabled ? dashboardControllers(routes) : [],
    providers: isEnabled
      ? [...common, ...names, ...settingsProviders(given, given.guards !== undefined), ...dashboardProviders]
      : [...common, ...names],
  };
}

function settingsProviders(given: DashboardAsyncOptions, hasGuards: boolean): Provider[] {
  const parse = (made: unknown) => withoutStack(() => dashboardSettings(made, hasGuards));
  const provider = { provide: DASHBOARD_SETTINGS };
  if (given.useFactory) {
    const { useFactory, inject = [] } = given;
    const injected = inject as FactoryProvider['inject'] & object;
    return [
      { ...provider, inject: injected, useFactory: async (...args: never[]) => parse(await useFactory(...args)) },
    ];
  }
  const factory = (given.useClass ?? given.useExisting) as Type<DashboardOptionsFactory> | undefined;
  if (!factory) throw invalid('Option "useFactory" is missing. Write one of useFactory, useClass and useExisting.');
  const make = async (made: DashboardOptionsFactory) => parse(await made.createDashboardOptions());
  return [{ ...provider, inject: [factory], useFactory: make }, ...(given.useClass ? [factory] : [])];
}
