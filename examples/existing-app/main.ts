import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule, { rawBody: true }); // New: bodies are stored byte for byte
app.setGlobalPrefix('api');
app.enableShutdownHooks(); // New, unless the app has it: handlers finish on SIGTERM
await app.listen(process.env.PORT ?? 3000);
