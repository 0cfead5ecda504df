import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import compression from 'compression';
import helmet from 'helmet';
import { CrowdedModule } from './crowded.module.js';
import { adapter, configure } from './global.js';
import { platform } from './environment.js';
import { logging } from './logging.js';

async function bootstrap(): Promise<void> {
  const { modules, useLogger } = logging();
  const app: INestApplication = configure(
    await NestFactory.create(CrowdedModule.with(...modules), adapter(), { rawBody: true, bufferLogs: true }),
  );
  useLogger(app);
  app.use(helmet());
  if (platform === 'express') app.use(compression({ threshold: 0 }));
  const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
  if (platform === 'express') SwaggerModule.setup('docs', app, document); // on Fastify it needs @fastify/static too
  const local = { host: '127.0.0.1', port: 0 };
  app.connectMicroservice<MicroserviceOptions>(
    { transport: Transport.TCP, options: local },
    { inheritAppConfig: true },
  );
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  console.log(`Listening on ${await app.getUrl()}`);
}

void bootstrap();
