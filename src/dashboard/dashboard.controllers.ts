import { Controller, UseFilters, UseGuards, VERSION_NEUTRAL, applyDecorators, type Type } from '@nestjs/common';
import { hideFromOpenApi } from '../http/hide-from-openapi.js';
import { AccessGuard } from './access/access.guard.js';
import type { DashboardGuard } from './access/access.options.js';
import { SameOriginGuard } from './access/same-origin.guard.js';
import { demandOf } from './access/requires.decorator.js';
import { BulkController } from './controllers/bulk.controller.js';
import { DeliveriesController } from './controllers/deliveries.controller.js';
import { PageController } from './controllers/page.controller.js';
import { RejectionsController } from './controllers/rejections.controller.js';
import { StatisticsController } from './controllers/statistics.controller.js';
import { DashboardExceptionFilter } from './dashboard-exception.filter.js';
import { HeadersGuard } from './dashboard.headers.js';
import type { RouteSettings } from './dashboard.settings.js';

const API_CONTROLLERS = [DeliveriesController, RejectionsController, BulkController, StatisticsController];

/**
 * Makes the controllers of the page. Each route has all guards: there is no middleware, wildcard or static folder that
 * could be reached around them.
 */
export function dashboardControllers(settings: RouteSettings): Type[] {
  const { path, guards, signsInWithToken } = settings;
  const api = [HeadersGuard, SameOriginGuard, ...guards, AccessGuard];
  // Without the token, the page that asks for it must be there. It holds no data.
  const page = signsInWithToken ? [HeadersGuard] : [HeadersGuard, ...guards, AccessGuard];
  return [
    mount(PageController, path, page, settings),
    ...API_CONTROLLERS.map((controller) => mount(controller, `${path}/api`, api, settings)),
  ];
}

/**
 * Mounts a controller. It is a class of its own, so that two apps in one process do not share its metadata.
 *
 * @throws Error if a route demands no permission
 */
export function mount(
  controller: Type,
  path: string,
  guards: readonly DashboardGuard[],
  { controllerDecorators }: Pick<RouteSettings, 'controllerDecorators'>,
): Type {
  for (const name of Object.getOwnPropertyNames(controller.prototype)) {
    const method: unknown = (controller.prototype as Record<string, unknown>)[name];
    if (name !== 'constructor' && typeof method === 'function' && !demandOf(method))
      throw new Error(`${controller.name}.${name} demands no permission. Decorate it with @Requires().`);
  }
  const mounted = { [controller.name]: class extends controller {} }[controller.name] as Type;
  applyDecorators(
    ...controllerDecorators,
    hideFromOpenApi(),
    Controller({ path, version: VERSION_NEUTRAL }),
    UseGuards(...guards),
    UseFilters(DashboardExceptionFilter),
  )(mounted);
  return mounted;
}
