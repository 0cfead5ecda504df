import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { openTelemetry } from 'nestjs-cr3dentials-webhook/opentelemetry';
import { promClient } from 'nestjs-cr3dentials-webhook/prom-client';
import { Cr3dentialsWebhookHealth, Cr3dentialsWebhookHealthModule } from 'nestjs-cr3dentials-webhook/terminus';
import { register } from 'prom-client';
import { Account } from './account.entity.js';
import { AccountsController } from './accounts.controller.js';
import { Accounts } from './accounts.js';
import { database, secret } from './environment.js';
import { Envelope, Public, TokenGuard } from './global.js';
import { Accounts1795392000001 } from './migrations/1795392000001-accounts.js';
import { metricNames, seenSpans, type Seen } from './sdk.js';

@Controller('observed')
export class ObservedController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly webhook: Cr3dentialsWebhookHealth,
  ) {}

  @Get()
  async all(): Promise<{ spans: Seen[]; metrics: string[]; registry: string[] }> {
    const registry = (await register.getMetricsAsJSON()).map(({ name }) => name);
    return { spans: seenSpans(), metrics: await metricNames(), registry };
  }

  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([() => this.webhook.isAlive()]);
  }

  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.webhook.isReady()]);
  }

  @Get('well')
  @HealthCheck()
  well(): Promise<HealthCheckResult> {
    return this.health.check([() => this.webhook.isWell()]);
  }
}

/** A host with the packages of all subpaths that observe. */
@Module({
  imports: [
    TypeOrmModule.forRoot({
      ...database(),
      entities: [Account, ...cr3dentialsWebhookEntities],
      migrations: [Accounts1795392000001, ...cr3dentialsWebhookMigrations],
      migrationsRun: true,
    }),
    TypeOrmModule.forFeature([Account]),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      auth: { secrets: [secret] },
      controllerDecorators: [Public()],
      processing: { retry: { attempts: 3, initialDelay: 10 }, pollInterval: 20, drainTimeout: 500 },
      telemetry: [openTelemetry(), promClient()],
    }),
    Cr3dentialsWebhookHealthModule,
  ],
  controllers: [AccountsController, ObservedController],
  providers: [Accounts, { provide: APP_GUARD, useClass: TokenGuard }, { provide: APP_INTERCEPTOR, useClass: Envelope }],
})
export class ObservedModule {}
