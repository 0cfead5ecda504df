import { NestFactory } from '@nestjs/core';
import { randomBytes } from 'node:crypto';
import { Handled, serveNest } from './contender.js';
import { OursModule } from './ours.module.js';
import { platform } from './platform.js';

const handled = new Handled();
const rawBody = process.argv.includes('rawBody');
const key = { id: 'bench', value: randomBytes(32) };
const encryption = process.argv.includes('sealed') ? { keys: [key], current: key.id } : undefined;
const isObserved = ['context', 'metrics', 'traces'].some((word) => process.argv.includes(word));
// Loaded only where it is measured: it takes memory.
const telemetry = isObserved ? (await import('./observing.js')).telemetry() : undefined;
const retention = process.argv.includes('purging') ? { payload: 60_000, interval: 1_000 } : undefined;
const app = await NestFactory.create(OursModule.with(handled, { encryption, telemetry, retention }), platform(), {
  logger: false,
  rawBody,
});
app.enableShutdownHooks();
await serveNest(app, handled);
