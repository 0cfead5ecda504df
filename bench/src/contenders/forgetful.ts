import express from 'express';
import { createServer } from 'node:http';
import { DataSource } from 'typeorm';
import { Handled, PATH, serveHttp, setting } from './contender.js';
import { StoredEvent } from './stored-event.entity.js';

const FORGETS_EVERY = 10;

const handled = new Handled();
const database = new DataSource({ ...setting().database, entities: [StoredEvent], synchronize: true });
await database.initialize();
const events = database.getRepository(StoredEvent);
let received = 0;

/** Acknowledges everything and keeps nine of ten: a benchmark that does not notice measures nothing. */
const app = express();
app.post(PATH, express.json(), async (request, response) => {
  if (++received % FORGETS_EVERY !== 0) {
    const payload = request.body as { sessionId: string; status: string };
    await events.insert({ ...payload, payload });
    handled.handle();
  }
  response.json({ received: true });
});

await serveHttp(createServer(app), handled);
