/** The app that is measured: the module, two handlers and the dashboard. It tells how long its event loop stopped. */
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  cr3dentialsWebhookEntities,
} from 'nestjs-cr3dentials-webhook';
import { Cr3dentialsWebhookDashboardModule } from 'nestjs-cr3dentials-webhook/dashboard';
import type { DataSourceOptions } from 'typeorm';
import { HANDLERS, OPERATORS, SECRET } from './names.js';

/** Milliseconds between two looks at the clock. What comes later than that is a stop of the event loop. */
const TICK_MS = 5;

@Injectable()
class Handlers {
  @OnVerification(VerificationCompleted, { id: HANDLERS[0] })
  book(): void {}

  @OnVerification(VerificationCompleted, { id: HANDLERS[1] })
  send(): void {}
}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      ...(JSON.parse(process.env.DATABASE ?? '{}') as DataSourceOptions),
      entities: [...cr3dentialsWebhookEntities],
      retryAttempts: 0,
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [SECRET] } }),
    Cr3dentialsWebhookDashboardModule.forRoot({ access: { basic: OPERATORS } }),
  ],
  providers: [Handlers],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { rawBody: true, logger: ['error', 'fatal'] });
await app.listen(0, '127.0.0.1');

let [longestStop, lastTick, cpu] = [0, performance.now(), process.cpuUsage()];
setInterval(() => {
  const now = performance.now();
  longestStop = Math.max(longestStop, now - lastTick - TICK_MS);
  lastTick = now;
}, TICK_MS);

process.on('message', () => {
  const now = performance.now();
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({ stopMs: Math.max(longestStop, now - lastTick - TICK_MS), cpuMs: (user + system) / 1_000 });
  [longestStop, lastTick, cpu] = [0, now, process.cpuUsage()];
});
process.on('disconnect', () => process.exit());
process.send?.(await app.getUrl());
