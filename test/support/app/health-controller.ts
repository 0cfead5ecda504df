import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { Cr3dentialsWebhookHealth } from 'nestjs-cr3dentials-webhook/terminus';

/** The three routes of the documentation. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly webhook: Cr3dentialsWebhookHealth,
  ) {}

  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([() => this.webhook.isAlive()]);
  }

  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.webhook.isReady('inbox')]);
  }

  @Get()
  @HealthCheck()
  well(): Promise<HealthCheckResult> {
    return this.health.check([() => this.webhook.isWell()]);
  }
}
