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
import { Effect } from '../../support/effects.js';
import { identified } from './database.js';
import { passBy, report, say } from './facts.js';
import { FAILS_AT_FIRST, FAILS_FOR_GOOD, SECRET, setting } from './setting.js';

/** Milliseconds that most runs take at most. */
const MOST_TAKE = 40;

@EventSubscriber()
export class Passing implements EntitySubscriberInterface {
  afterQuery({ query, success }: AfterQueryEvent): void {
    if (success && /^INSERT INTO \S*delivery/.test(query)) passBy('between insert and answer');
  }

  beforeQuery({ query }: BeforeQueryEvent): void {
    if (/^UPDATE \S*delivery\S* SET state = \S+, finished_at/.test(query)) passBy('between handler and completion');
  }
}

/** What every handler that is not transactional does: takes a moment, and fails where it is meant to. */
export async function witness(event: VerificationEvent, { attempt }: HandlerContext): Promise<void> {
  say(event.sessionId, 'begins');
  passBy('in a handler');
  await sleep(timeFor(event));
  if (event.externalReferenceId === FAILS_FOR_GOOD) throw new PermanentError('It is meant to fail.');
  if (event.externalReferenceId === FAILS_AT_FIRST && attempt === 1) throw new Error('It is meant to fail at first.');
  say(event.sessionId, 'ends');
}

/** One session in twenty takes as long as the setting says, or half of that; whoever runs it. */
function timeFor({ sessionId }: VerificationEvent): number {
  const isSlow = Number.parseInt(sessionId.slice(0, 2), 16) < 256 / 20;
  return isSlow ? setting().handlersTake * (0.5 + Math.random() / 2) : Math.random() * MOST_TAKE;
}

/** A host with these handlers, as the README shows one. */
export async function serve(Handlers: Type): Promise<void> {
  const { port, platform } = setting();
  const options = { logger: ['warn' as const, 'error' as const], rawBody: true, forceCloseConnections: true };
  const app =
    platform === 'fastify'
      ? await NestFactory.create<NestFastifyApplication>(hostOf(Handlers), new FastifyAdapter(), options)
      : await NestFactory.create(hostOf(Handlers), options);
  app.enableShutdownHooks([], { useProcessExit: true });
  await app.listen(port, '127.0.0.1');
  report();
}

@Module({})
class HostModule {}

function hostOf(Handlers: Type): DynamicModule {
  const { database, lease, ackTimeout } = setting();
  return {
    module: HostModule,
    imports: [
      TypeOrmModule.forRoot({
        ...identified(database),
        entities: [...cr3dentialsWebhookEntities, Effect],
        migrations: [...cr3dentialsWebhookMigrations],
        subscribers: [Passing],
      }),
      EventEmitterModule.forRoot(),
      Cr3dentialsWebhookModule.forRoot({
        auth: { secrets: [SECRET] },
        receiving: { ackTimeout },
        processing: { lease, pollInterval: 50, retry: { attempts: 5, initialDelay: 50, maxDelay: 200 } },
      }),
    ],
    providers: [Handlers],
  };
}
