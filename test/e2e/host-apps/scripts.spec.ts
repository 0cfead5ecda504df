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
import { freshHost, receiveOnce } from '../../support/app/fresh-host.js';
import { RememberingLogger } from '../../support/app/log.js';
import { payload } from '../../support/app/payload.js';
import { SECRET } from '../../support/app/webhook-app.js';
import { until } from '../../support/time/until.js';

describe('a script of the host with createApplicationContext', () => {
  const host = freshHost('sqlite');
  let script: INestApplicationContext;

  afterEach(() => script.close());

  async function run(
    processing: Cr3dentialsWebhookOptions['processing'],
    providers = [RememberEvents],
    logger: RememberingLogger | false = false,
  ) {
    @Module({
      imports: [
        TypeOrmModule.forRoot({ ...host.database.options, entities: [...cr3dentialsWebhookEntities] }),
        EventEmitterModule.forRoot(),
        Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [SECRET] }, processing }),
      ],
      providers,
    })
    class ScriptModule {}
    script = await NestFactory.createApplicationContext(ScriptModule, { logger });
    return script.get(Cr3dentialsWebhookInbox, { strict: false });
  }

  /** In plain text: the script has no keys. */
  const leaveBacklog = () =>
    receiveOnce(host, inPlainText, async (receiver) => {
      const body = payload();
      expect(await receiver.post(body)).toMatchObject({ status: 200 });
      return String(body.sessionId);
    });

  it('handles the backlog like every instance with handlers', async () => {
    const sessionId = await leaveBacklog();
    const inbox = await run({ pollInterval: 50 });
    await until('it is completed', async () => (await inbox.find({ sessionId }))?.state === 'completed');
    expect(script.get(RememberEvents).sessionIds).toEqual([sessionId]);
  });

  it.each([
    ['are enabled once it has booted', true, 0],
    ['are not enabled', false, 1],
  ])('is warned of shutdown hooks that it lacks, when they %s', async (_, areEnabled, warnings) => {
    await host.stop(await host.start(inPlainText));
    const logger = new RememberingLogger();
    const inbox = await run({ pollInterval: 50 }, [RememberEvents], logger);
    if (areEnabled) script.enableShutdownHooks();
    const body = payload();
    await inbox.ingest(body);
    await until('the worker has begun', () => script.get(RememberEvents).of(body.sessionId).length === 1);
    expect(logger.matching(/^WARN Shutdown hooks are off/)).toHaveLength(warnings);
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
