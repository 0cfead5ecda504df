import './sdk.js'; // before the app
import { NestFactory } from '@nestjs/core';
import { adapter, configure } from './global.js';
import { ObservedModule } from './observed.module.js';

async function bootstrap(): Promise<void> {
  const app = configure(await NestFactory.create(ObservedModule, adapter(), { rawBody: true }));
  await app.listen(0, '127.0.0.1');
  console.log(`Listening on ${await app.getUrl()}`);
}

void bootstrap();
