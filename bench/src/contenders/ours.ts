import { NestFactory } from '@nestjs/core';
import { Handled, serveNest } from './contender.js';
import { OursModule } from './ours.module.js';
import { platform } from './platform.js';

const handled = new Handled();
const rawBody = process.argv.includes('rawBody');
const app = await NestFactory.create(OursModule.with(handled), platform(), { logger: false, rawBody });
app.enableShutdownHooks();
await serveNest(app, handled);
