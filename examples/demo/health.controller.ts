import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { Cr3dentialsWebhookHealth } from 'nestjs-cr3dentials-webhook/terminus';

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly webhook: Cr3dentialsWebhookHealth,
  ) {}

  /** Asked by what restarts instances. */
  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([() => this.webhook.isAlive()]);
  }

  /** Asked by what sends requests to instances. */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.webhook.isReady()]);
  }

  /** Asked by people and alerts. */
  @Get()
  @HealthCheck()
  well(): Promise<HealthCheckResult> {
    return this.health.check([() => this.webhook.isWell({ backlog: { degraded: 120_000 } })]);
  }
}
