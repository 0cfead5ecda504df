import { NestFactory } from '@nestjs/core';
import { host, isSecretGenerated, port, secret } from '../demo/environment.js';
import { AppModule } from './app.module.js';
import { metricsPort } from './environment.js';

export const app = await NestFactory.create(AppModule, { rawBody: true });
app.enableShutdownHooks([], { useProcessExit: true });
await app.listen(port, host);
console.log(`The app is ready on ${await app.getUrl()}, and its metrics on http://127.0.0.1:${metricsPort}/metrics`);
if (isSecretGenerated) console.log(`Its secret is new at each start, unless CR3D_WEBHOOK_SECRET is set: ${secret}`);
