import express from 'express';
import { createServer } from 'node:http';
import { SECRET } from '../load/delivery.js';
import { Handled, PATH, serveHttp } from './contender.js';

const handled = new Handled();

/** Handler of the provider's documentation: acknowledges first, works later, in memory. */
const app = express();
app.post(PATH, express.json(), (request, response) => {
  if (request.headers['x-api-key'] !== SECRET) {
    response.status(401).json({ error: 'Unauthorized' });
    return;
  }
  response.status(200).json({ received: true });
  setImmediate(handled.handle);
});

await serveHttp(createServer(app), handled);
