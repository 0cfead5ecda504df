import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { Cr3dentialsWebhookError, withoutStack } from '../cr3dentials-webhook.error.js';
import { DashboardRoutes } from './dashboard.routes.js';
import {
  DASHBOARD_SETTINGS,
  ROUTE_SETTINGS,
  type AccessSettings,
  type DashboardSettings,
  type RouteSettings,
} from './dashboard.settings.js';

/** Says at boot where the page is and who is let in, and stops the boot if nobody would be kept out. */
@Injectable()
export class DashboardBoot implements OnApplicationBootstrap {
  private readonly logger = new Logger('Cr3dentialsWebhookDashboard');

  constructor(
    private readonly config: ApplicationConfig,
    private readonly routes: DashboardRoutes,
    @Inject(ROUTE_SETTINGS) private readonly settings: RouteSettings,
    @Inject(DASHBOARD_SETTINGS) private readonly dashboard: Pick<DashboardSettings, 'access'>,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.routes.hasHttp) return;
    withoutStack(() => this.assertGlobalGuard());
    const { access } = this.dashboard;
    this.logger.log(`Webhook inbox at GET ${this.routes.path} | ${this.guards(access)} | ${operatorsOf(access)}`);
    if (access === 'public-on-loopback')
      this.logger.warn('The page is open to everybody on this machine. Set "access" before it is deployed.');
  }

  private assertGlobalGuard(): void {
    const count = this.config.getGlobalGuards().length + this.config.getGlobalRequestGuards().length;
    if (!this.settings.isGlobal || count > 0) return;
    throw new Cr3dentialsWebhookError(
      'DASHBOARD_OPEN',
      'Option "access.guards" is "global", and no global guard is registered. Provide one as APP_GUARD, or name the guards of the page.',
    );
  }

  private guards(access: AccessSettings): string {
    if (access === 'public-on-loopback' || 'basic' in access) return 'no guards of the host';
    if (this.settings.isGlobal) return 'guards: global';
    const names = this.settings.guards.map((guard) => (typeof guard === 'function' ? guard : guard.constructor).name);
    return `guards: ${names.join(', ')}`;
  }
}

function operatorsOf(access: AccessSettings): string {
  if (access === 'public-on-loopback') return 'everybody on this machine';
  return 'basic' in access ? `operators: ${access.basic.length} with passwords` : 'operators by identify()';
}
