import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { Effect } from '../../../test/support/app/effects.js';
import { withHostName } from './database.js';
import { announceReady } from './handler-events.js';
import { PATH, SECRET, hostSettings } from './host-settings.js';

const MAX_WORK_MS = 100;

const database = await new DataSource({ ...withHostName(hostSettings().database), entities: [Effect] }).initialize();
const placeholders = database.options.type === 'postgres' ? '$1, $2' : '?, ?';

async function work(body: string): Promise<void> {
  const { sessionId } = JSON.parse(body) as { sessionId: string };
  await sleep(Math.random() * MAX_WORK_MS);
  await database.query(`INSERT INTO handled_body (session_id, body) VALUES (${placeholders})`, [sessionId, body]);
  await database.manager.insert(Effect, { sessionId });
}

/** Follows the provider's documentation: checks the header, acknowledges first, works later, in memory. */
async function acknowledge(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const isKnown = request.url === PATH && request.headers['x-api-key'] === SECRET;
  response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ received: isKnown }));
  if (isKnown) await work(body);
}

const server = createServer((request, response) => {
  acknowledge(request, response).catch(() => {}); // nobody waits for it
});
const { port, address } = hostSettings();
server.listen(port, address, announceReady);
