import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { adapter, configure } from './global.js';

async function bootstrap(): Promise<void> {
  const app = configure(await NestFactory.create(AppModule, adapter(), { rawBody: true }));
  await app.listen(0, '127.0.0.1');
  console.log(`Listening on ${await app.getUrl()}`);
}

void bootstrap();
