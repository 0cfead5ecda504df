import { Inject, Injectable } from '@nestjs/common';
import { REVEAL_REASON_LENGTHS } from '../../operations/action.options.js';
import { ALL_PERMISSIONS, may } from '../access/operator.js';
import { DashboardContext } from '../dashboard.context.js';
import type { Call } from '../dashboard.responder.js';
import {
  DASHBOARD_SETTINGS,
  ROUTE_SETTINGS,
  type DashboardSettings,
  type RouteSettings,
} from '../dashboard.settings.js';
import type { Session } from './contract/common.js';

/** Tells who is signed in, and what the page may do. */
@Injectable()
export class SessionApi {
  constructor(
    private readonly context: DashboardContext,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: DashboardSettings,
    @Inject(ROUTE_SETTINGS) private readonly routes: RouteSettings,
  ) {}

  async get({ operator }: Call): Promise<Session> {
    const { title, environment, refresh, limits, reveal, bulk, maskReferences } = this.settings;
    const { core } = this.context;
    const { clock, isSealed, webhook } = core;
    return {
      now: clock.now(),
      operator: { id: operator.id, name: operator.name ?? null },
      permissions: ALL_PERMISSIONS.filter((permission) => may(operator, permission)),
      tenants: operator.tenants ? [...operator.tenants] : null,
      title,
      environment,
      refresh,
      limits: { page: limits.page, maxPage: limits.maxPage },
      reveal: {
        hideAfter: reveal.hideAfter,
        minReason: REVEAL_REASON_LENGTHS.from,
        maxReason: REVEAL_REASON_LENGTHS.to,
      },
      bulk: { ...bulk },
      handlers: await core.handlerIds(),
      isSealed,
      areReferencesMasked: maskReferences,
      signsInWithToken: this.routes.signsInWithToken,
      webhook,
    };
  }
}
