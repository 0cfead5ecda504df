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
import { setTimeout as sleep } from 'node:timers/promises';
import { EventSubscriber, type AfterQueryEvent, type BeforeQueryEvent, type EntitySubscriberInterface } from 'typeorm';
import { Effect } from '../../../test/support/app/effects.js';
import { withHostName } from './database.js';
import { killPoint, announceReady, emit } from './handler-events.js';
import { FAILS_AT_FIRST, FAILS_FOR_GOOD, SECRET, hostSettings } from './host-settings.js';

/** Most handler runs take at most this long. */
const MAX_HANDLER_MS = 40;

@EventSubscriber()
export class KillPointSubscriber implements EntitySubscriberInterface {
  afterQuery({ query, success }: AfterQueryEvent): void {
    if (success && /^INSERT INTO \S*delivery/.test(query)) killPoint('between insert and answer');
  }

  beforeQuery({ query }: BeforeQueryEvent): void {
    if (/^UPDATE \S*delivery\S* SET state = \S+, finished_at/.test(query)) killPoint('between handler and completion');
  }
}

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

/** One session in twenty takes up to `slowHandlerMs`, in whichever process it runs. */
function durationMsFor({ sessionId }: VerificationEvent): number {
  const isSlow = Number.parseInt(sessionId.slice(0, 2), 16) < 256 / 20;
  return isSlow ? hostSettings().slowHandlerMs * (0.5 + Math.random() / 2) : Math.random() * MAX_HANDLER_MS;
}

/** Starts a host with these handlers, as the README shows one. */
export async function startHost(Handlers: Type): Promise<void> {
  const { port, platform } = hostSettings();
  const options = { logger: ['warn' as const, 'error' as const], rawBody: true, forceCloseConnections: true };
  const app =
    platform === 'fastify'
      ? await NestFactory.create<NestFastifyApplication>(hostOf(Handlers), new FastifyAdapter(), options)
      : await NestFactory.create(hostOf(Handlers), options);
  app.enableShutdownHooks([], { useProcessExit: true });
  await app.listen(port, '127.0.0.1');
  announceReady();
}

@Module({})
class HostModule {}

function hostOf(Handlers: Type): DynamicModule {
  const { database, leaseMs, ackTimeoutMs } = hostSettings();
  return {
    module: HostModule,
    imports: [
      TypeOrmModule.forRoot({
        ...withHostName(database),
        entities: [...cr3dentialsWebhookEntities, Effect],
        migrations: [...cr3dentialsWebhookMigrations],
        subscribers: [KillPointSubscriber],
      }),
      EventEmitterModule.forRoot(),
      Cr3dentialsWebhookModule.forRoot({
        auth: { secrets: [SECRET] },
        receiving: { ackTimeout: ackTimeoutMs },
        processing: { lease: leaseMs, pollInterval: 50, retry: { attempts: 5, initialDelay: 50, maxDelay: 200 } },
      }),
    ],
    providers: [Handlers],
  };
}
