import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { webhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { AppModule } from '../../examples/jetstream/app.module.js';
import { Stream } from '../../examples/jetstream/stream.js';
import { HOLDER } from '../support/app/canaries.js';
import { RememberingLogger } from '../support/app/log.js';
import { payload } from '../support/app/payload.js';
import { SECRET } from '../support/app/webhook-app.js';
import { freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { NatsServer } from '../support/network/nats-server.js';
import { until } from '../support/time/until.js';

const STREAM = 'cr3d_docs';

describe('examples/jetstream', () => {
  let database: TestDatabase;
  let nats: NatsServer;
  let app: INestApplication;

  beforeEach(async () => {
    nats = await NatsServer.start();
    database = await freshDatabase('sqlite');
    Object.assign(process.env, {
      DATABASE_PATH: String(database.options.database),
      CR3D_WEBHOOK_SECRET: SECRET,
      NATS_URL: nats.url,
      NATS_STREAM: STREAM,
    });
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .setLogger(new RememberingLogger())
      .compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
  });

  afterEach(async () => {
    nats.thaw();
    await app.close();
    await nats.remove();
    await database.drop();
  });

  const webhook = () => webhookTester(app, { secret: SECRET, timeout: 20_000 });

  /** Awaits that the handler has failed for a session, and answers how. */
  function failure(body: { sessionId?: unknown }): Promise<string> {
    return until('the handler has failed', async () => {
      const { delivery } = await webhook().deliver(body);
      return delivery?.runs[0]?.lastError;
    });
  }

  /** What another service reads with a durable consumer of its own, and acknowledges. */
  async function messages(count: number): Promise<JsMsg[]> {
    const connection = await connect({ servers: nats.url });
    try {
      const manager = await jetstreamManager(connection);
      await manager.consumers.add(STREAM, { durable_name: 'service', ack_policy: 'explicit' });
      const consumer = await jetstream(connection).consumers.get(STREAM, 'service');
      const read: JsMsg[] = [];
      for await (const message of await consumer.fetch({ max_messages: count + 1, expires: 1_000 })) {
        message.ack();
        read.push(message);
      }
      return read;
    } finally {
      await connection.close();
    }
  }

  it('gives the stream a message that survives, without personal data', async () => {
    const body = payload();
    const { delivery } = await webhook().deliver(body, { until: 'finished' });
    expect(delivery).toMatchObject({ state: 'completed' });
    await nats.kill();
    await nats.restart();
    const [message, ...others] = await messages(1);
    expect(others).toEqual([]);
    expect(message?.subject).toBe(`${STREAM}.verification.completed`);
    expect(message?.headers?.get('Nats-Msg-Id')).toBe(delivery?.id);
    const { sessionId, status, platformId, externalReferenceId } = body;
    expect(message?.json()).toMatchObject({ sessionId, status, platformId, externalReferenceId });
    expect(message?.string()).not.toContain(HOLDER);
  });

  it('has the stream once, however often a message is published again within its window', async () => {
    const stream = app.get(Stream);
    for (let n = 0; n < 3; n++) await stream.publish('verification.completed', 'one', { n });
    await stream.publish('verification.completed', 'two', {});
    expect((await messages(4)).map(({ headers }) => headers?.get('Nats-Msg-Id'))).toEqual(['one', 'two']);
  });

  it.each([
    ['is down', () => nats.kill(), () => nats.restart()],
    ['does not answer', async () => nats.freeze(), async () => nats.thaw()],
  ])('acknowledges the sender while NATS %s, and publishes once it is back', async (_, begin, end) => {
    await webhook().deliver(payload(), { until: 'finished' }); // there is a connection to lose
    await begin();
    const body = payload();
    expect(await webhook().deliver(body)).toMatchObject({ verdict: 'accepted' });
    expect(await failure(body)).toMatch(/timeout|disconnected|closed/i);
    await end();
    const delivery = await webhook().finished(String(body.sessionId));
    expect(delivery).toMatchObject({ state: 'completed' });
    const ids = (await messages(2)).map(({ headers }) => headers?.get('Nats-Msg-Id'));
    expect(ids).toEqual([expect.any(String), delivery.id]); // attempts that were late were dropped
  });
});
