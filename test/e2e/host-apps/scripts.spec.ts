import { afterEach, describe, expect, it } from '@jest/globals';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookInbox,
  Cr3dentialsWebhookModule,
  cr3dentialsWebhookEntities,
  type Cr3dentialsWebhookOptions,
} from 'nestjs-cr3dentials-webhook';
import { RememberEvents, SucceedAtOnce } from '../../support/app/doubles.js';
import { inPlainText } from '../../support/app/keys.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { SECRET } from '../../support/app/webhook-app.js';
import { until } from '../../support/time/until.js';

describe('a script of the host with createApplicationContext', () => {
  const host = freshHost('sqlite');
  let script: INestApplicationContext;

  afterEach(() => script.close());

  async function run(processing: Cr3dentialsWebhookOptions['processing'], providers = [RememberEvents]) {
    @Module({
      imports: [
        TypeOrmModule.forRoot({ ...host.database.options, entities: [...cr3dentialsWebhookEntities] }),
        EventEmitterModule.forRoot(),
        Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [SECRET] }, processing }),
      ],
      providers,
    })
    class ScriptModule {}
    script = await NestFactory.createApplicationContext(ScriptModule, { logger: false });
    return script.get(Cr3dentialsWebhookInbox, { strict: false });
  }

  async function leaveBacklog(): Promise<string> {
    // The script has no keys.
    const receiver = await host.start((a) => inPlainText(a.withOptions({ processing: { enabled: false } })));
    const body = payload();
    expect(await receiver.post(body)).toMatchObject({ status: 200 });
    await host.stop(receiver);
    return String(body.sessionId);
  }

  it('handles the backlog like every instance with handlers', async () => {
    const sessionId = await leaveBacklog();
    const inbox = await run({ pollInterval: 50 });
    await until('it is completed', async () => (await inbox.find({ sessionId }))?.state === 'completed');
    expect(script.get(RememberEvents).sessionIds).toEqual([sessionId]);
  });

  it.each([
    ['processing.enabled is false', { enabled: false }, [RememberEvents]],
    ['it has no handlers', { pollInterval: 20 }, []],
  ])('leaves the backlog to others, and operates the inbox, when %s', async (_, processing, providers) => {
    const sessionId = await leaveBacklog();
    const inbox = await run(processing, providers);
    const [pending] = await inbox.list({ state: 'pending' });
    expect(pending).toMatchObject({ sessionId });
    const app = await host.start((a) => inPlainText(a.withHandlers(SucceedAtOnce)));
    await app.delivery(sessionId, 'completed');
    expect(app.nest.get(SucceedAtOnce).calls).toBe(1);
  });
});
