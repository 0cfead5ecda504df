import { Get, Inject, Req, Res } from '@nestjs/common';
import type { HostRequest } from '../access/host.request.js';
import { Requires } from '../access/requires.decorator.js';
import { SessionApi } from '../api/session.api.js';
import { OverviewApi } from '../api/overview.api.js';
import { StatisticsApi } from '../api/statistics.api.js';
import { ActionsApi } from '../api/actions.api.js';
import { DashboardResponder } from '../dashboard.responder.js';

/** Routes of what is counted, watched and recorded. */
export class StatisticsController {
  constructor(
    @Inject(SessionApi) private readonly session: SessionApi,
    @Inject(OverviewApi) private readonly overviews: OverviewApi,
    @Inject(StatisticsApi) private readonly statistics: StatisticsApi,
    @Inject(ActionsApi) private readonly actions: ActionsApi,
    @Inject(DashboardResponder) private readonly responder: DashboardResponder,
  ) {}

  @Get('session')
  @Requires('look')
  getSession(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.session.get(call));
  }

  @Get('overview')
  @Requires('look', { isOfAllTenants: true })
  getOverview(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.overviews.get(call));
  }

  @Get('tallies')
  @Requires('look', { isOfAllTenants: true })
  getTallies(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.statistics.tallies(call));
  }

  @Get('errors')
  @Requires('look')
  getErrors(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.statistics.errors(call));
  }

  @Get('handlers')
  @Requires('look', { isOfAllTenants: true })
  getHandlers(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.statistics.handlers(call));
  }

  @Get('instances')
  @Requires('look', { isOfAllTenants: true })
  getInstances(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.statistics.instances(call));
  }

  @Get('secrets')
  @Requires('look', { isOfAllTenants: true })
  getSecrets(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.statistics.secrets(call));
  }

  @Get('settings')
  @Requires('look', { isOfAllTenants: true })
  getSettings(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.statistics.settings(call));
  }

  @Get('actions')
  @Requires('look', { isOfAllTenants: true })
  getActions(@Req() request: HostRequest, @Res() response: unknown): Promise<void> {
    return this.responder.answer(request, response, (call) => this.actions.list(call));
  }
}
