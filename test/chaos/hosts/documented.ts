import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { Effect } from '../../support/app/effects.js';
import { identified } from './database.js';
import { report } from './facts.js';
import { PATH, SECRET, setting } from './setting.js';

const SLOWEST = 100;

const database = await new DataSource({ ...identified(setting().database), entities: [Effect] }).initialize();
const place = database.options.type === 'postgres' ? '$1, $2' : '?, ?';

async function work(body: string): Promise<void> {
  const { sessionId } = JSON.parse(body) as { sessionId: string };
  await sleep(Math.random() * SLOWEST);
  await database.query(`INSERT INTO kept (session_id, body) VALUES (${place})`, [sessionId, body]);
  await database.manager.insert(Effect, { sessionId });
}

/** As the provider's documentation has it: check the header, acknowledge first, work later, in memory. */
async function acknowledge(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const isKnown = request.url === PATH && request.headers['x-api-key'] === SECRET;
  response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ received: isKnown }));
  if (isKnown) await work(body);
}

const server = createServer((request, response) => {
  acknowledge(request, response).catch(() => {}); // nobody is there to be told
});
server.listen(setting().port, '127.0.0.1', report);
