import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OTHER_LENGTH, inRandomOrder, type Guesses } from './guesses.js';

/** Nanoseconds of one refused POST each, by class: over one connection, to an app in this process. */
export async function timePosting({ secret, classes }: Guesses, rounds: number): Promise<Map<string, number[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'cr3d-timing-'));
  @Module({
    imports: [
      TypeOrmModule.forRoot({
        type: 'better-sqlite3',
        database: join(folder, 'timing.sqlite'),
        entities: [...cr3dentialsWebhookEntities],
        migrations: [...cr3dentialsWebhookMigrations],
        migrationsRun: true,
      }),
      EventEmitterModule.forRoot(),
      Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [secret] } }),
    ],
  })
  class Host {}

  const app = await NestFactory.create(Host, { logger: false });
  await app.listen(0, '127.0.0.1');
  const socket = connect(Number(new URL(await app.getUrl()).port), '127.0.0.1').setNoDelay();
  const names = [...classes.keys()].filter((name) => name !== OTHER_LENGTH); // the app has one secret
  const times = new Map(names.map((name) => [name, [] as number[]]));
  for (const name of inRandomOrder([...times.keys()], rounds))
    times.get(name)?.push(await timeOfPost(socket, classes.get(name)?.() ?? ''));
  socket.destroy();
  await app.close();
  await rm(folder, { recursive: true, force: true });
  return times;
}

/** Body that is not empty: an empty object is refused before anybody is authenticated. */
const BODY = '{"a":1}';

async function timeOfPost(socket: Socket, guess: string): Promise<number> {
  const post = `POST /webhook/cr3dentials HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${guess}\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
  const answered = once(socket, 'data');
  const before = process.hrtime.bigint();
  socket.write(post);
  const [answer] = (await answered) as [Buffer];
  const after = process.hrtime.bigint();
  if (!answer.includes('401')) throw new Error(`A wrong guess was not answered 401: ${answer.toString()}`);
  return Number(after - before);
}
