import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  PermanentError,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { setTimeout as sleep } from 'node:timers/promises';
import { onKillPoints } from '../../../test/host/kill-points.js';
import { Effect } from '../../../test/support/app/effects.js';
import { withHostName } from './database.js';
import { killPoint, announceReady, emit } from './handler-events.js';
import { holdPoolOnCommand } from './full-pool.js';
import { startTelemetry } from './telemetry.js';
import { FAILS_AT_FIRST, FAILS_FOR_GOOD, SECRET, hostSettings, isSlow } from './host-settings.js';

/** Most handler runs take at most this long. */
const MAX_HANDLER_MS = 40;
/** Shorter than a lease, so that handlers that nest come to both ends. */
const NESTING_HANDLER_TIMEOUT_MS = 1_200;

onKillPoints(killPoint);

/** Runs the handler that is not transactional: it takes a moment, and fails where the payload asks for it. */
export async function runPlainHandler(event: VerificationEvent, { attempt }: HandlerContext): Promise<void> {
  emit(event.sessionId, 'begins');
  killPoint('in a handler');
  await sleep(durationMsFor(event));
  if (event.externalReferenceId === FAILS_FOR_GOOD) throw new PermanentError('The payload asks for a failure.');
  if (event.externalReferenceId === FAILS_AT_FIRST && attempt === 1)
    throw new Error('The payload asks for a failure at first.');
  emit(event.sessionId, 'ends');
}

/** A slow session takes up to `slowHandlerMs`. */
function durationMsFor({ sessionId }: VerificationEvent): number {
  return isSlow(sessionId) ? hostSettings().slowHandlerMs * (0.5 + Math.random() / 2) : Math.random() * MAX_HANDLER_MS;
}

/** Starts a host with these handlers, as the README shows one. */
export async function startHost(...Handlers: readonly Type[]): Promise<void> {
  const { address, port, platform } = hostSettings();
  const options = { logger: ['warn' as const, 'error' as const], rawBody: true, forceCloseConnections: true };
  const app =
    platform === 'fastify'
      ? await NestFactory.create<NestFastifyApplication>(hostOf(Handlers), new FastifyAdapter(), options)
      : await NestFactory.create(hostOf(Handlers), options);
  app.enableShutdownHooks([], { useProcessExit: true });
  await app.listen(port, address);
  holdPoolOnCommand(app.get(DataSource));
  announceReady();
}

@Module({})
class HostModule {}

function hostOf(Handlers: readonly Type[]): DynamicModule {
  const { database, leaseMs, ackTimeoutMs, handlers } = hostSettings();
  return {
    module: HostModule,
    imports: [
      TypeOrmModule.forRoot({
        ...withHostName(database),
        entities: [...cr3dentialsWebhookEntities, Effect],
        migrations: [...cr3dentialsWebhookMigrations],
      }),
      EventEmitterModule.forRoot(),
      Cr3dentialsWebhookModule.forRoot({
        auth: { secrets: [SECRET] },
        receiving: { ackTimeout: ackTimeoutMs },
        processing: {
          lease: leaseMs,
          pollInterval: 50,
          ...(handlers === 'nesting' && { handlerTimeout: NESTING_HANDLER_TIMEOUT_MS }),
          retry: { attempts: 5, initialDelay: 50, maxDelay: 200 },
        },
        telemetry: startTelemetry(),
      }),
    ],
    providers: [...Handlers],
  };
}
