import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { Cr3dentialsWebhookInbox } from 'nestjs-cr3dentials-webhook';
import { host, isKeyRotated, isSecretGenerated, platform, port, secret } from './environment.js';

const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { rawBody: true });
app.enableShutdownHooks([], { useProcessExit: true });
await app.listen(port, host);

const url = (await app.getUrl()).replace('[::1]', 'localhost');
console.log(`
The demo is ready on ${url}
${isSecretGenerated ? `Its secret is new at each start, unless CR3D_WEBHOOK_SECRET is set: ${secret}` : 'Its secret is the value of CR3D_WEBHOOK_SECRET.'}

  curl ${url}/webhook/cr3dentials -H "X-API-Key: ${isSecretGenerated ? secret : '$CR3D_WEBHOOK_SECRET'}" -H 'Content-Type: application/json' -d '{
    "sessionId": "a1b2c3d4-e5f6-7890-abcd-ef1234567890", "status": "COMPLETED", "platformId": 1,
    "externalReferenceId": "user_abc123", "extractedData": { "accountHolder": "John Doe", "accountType": "checking" },
    "proofHash": "9f2c…", "completedAt": "2025-03-24T12:05:00.000Z", "metadata": {} }'

  curl ${url}/accounts/a1b2c3d4-e5f6-7890-abcd-ef1234567890
  curl ${url}/inbox
  curl ${url}/health
  curl ${url}/metrics

The operator's page, for this machine only: ${url}/ops/inbox
`);

// Deliveries go on arriving and being handled meanwhile.
if (isKeyRotated) console.log(`Resealing: ${await app.get(Cr3dentialsWebhookInbox).encryption.reseal()}`);
