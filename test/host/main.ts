/**
 * A host app as a process of its own, to be killed. Everything it is told comes from the environment:
 * DATABASE (TypeORM options as JSON), LEASE (milliseconds), KILL_AT (where it ends itself with SIGKILL), SECRET.
 * It prints a line of JSON when it listens, and one when a handler begins and ends.
 */
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Column, Entity, PrimaryColumn, type DataSourceOptions } from 'typeorm';
import { onKillPoints } from './kill-points.js';

const {
  DATABASE = '',
  LEASE = '1500',
  KILL_AT = '',
  HANDLER_TAKES = '5',
  PROCESSING = 'true',
  SECRET = '',
} = process.env;

/** Writes at once, so that nothing is lost with the process. Waits while the pipe is full: a busy reader fails no handler. */
function say(fact: Record<string, unknown>): void {
  let rest = Buffer.from(`${JSON.stringify({ ...fact, at: performance.timeOrigin + performance.now() })}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

/** The inbox writes at boot too, to try the database. */
let listens = false;

function dieAt(place: string): void {
  if (listens && KILL_AT === place) process.kill(process.pid, 'SIGKILL');
}

@Entity('effect')
class Effect {
  @PrimaryColumn({ type: 'varchar', length: 64 })
  session!: string;

  @Column({ type: 'int' })
  count!: number;
}

onKillPoints(dieAt);

@Injectable()
class Handlers {
  @OnVerification({ id: 'effect', transactional: true })
  async effect({ sessionId: session }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    say({ session, effect: 'begins' });
    const effect = await manager.findOneBy(Effect, { session });
    if (effect) await manager.increment(Effect, { session }, 'count', 1);
    else await manager.insert(Effect, { session, count: 1 });
  }

  @OnVerification({ id: 'witness' })
  async witness({ sessionId: session }: VerificationEvent): Promise<void> {
    say({ session, handler: 'begins' });
    dieAt('in a handler');
    await sleep(Number(HANDLER_TAKES));
    say({ session, handler: 'ends' });
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      ...(JSON.parse(DATABASE) as DataSourceOptions),
      entities: [...cr3dentialsWebhookEntities, Effect],
      migrations: [...cr3dentialsWebhookMigrations],
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      auth: { secrets: [SECRET] },
      processing: { enabled: PROCESSING === 'true', lease: Number(LEASE), pollInterval: 50 },
    }),
  ],
  providers: [Handlers],
})
class HostModule {}

const app = await NestFactory.create(HostModule, { logger: ['warn', 'error'] });
app.enableShutdownHooks([], { useProcessExit: true });
await app.listen(0, '127.0.0.1');
listens = true;
say({ listens: await app.getUrl() });
