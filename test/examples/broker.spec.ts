import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { connect, type Channel, type ChannelModel, type ConsumeMessage } from 'amqplib';
import { webhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { randomBytes } from 'node:crypto';
import { AppModule } from '../../examples/broker/app.module.js';
import { HOLDER } from '../support/app/canaries.js';
import { freshDatabase, servers, type TestDatabase } from '../support/database/databases.js';
import { RememberingLogger } from '../support/app/log.js';
import { payload } from '../support/app/payload.js';
import { TcpProxy } from '../support/network/tcp-proxy.js';
import { until } from '../support/time/until.js';
import { SECRET } from '../support/app/webhook-app.js';

const { TEST_RABBITMQ_URL = '' } = process.env;

/** Another service: a durable queue of its own, and what it has been given and not acknowledged. */
class Service {
  readonly messages: ConsumeMessage[] = [];

  constructor(
    readonly channel: Channel,
    readonly connection: ChannelModel,
  ) {}

  static async connect(): Promise<Service> {
    const connection = await connect(TEST_RABBITMQ_URL);
    return new Service(await connection.createChannel(), connection);
  }

  async bind(exchange: string): Promise<void> {
    await this.channel.assertExchange(exchange, 'topic', { durable: true });
    await this.channel.assertQueue(`${exchange}.service`, { durable: true });
    await this.channel.bindQueue(`${exchange}.service`, exchange, 'verification.*');
  }

  async consume(exchange: string): Promise<void> {
    const take = (message: ConsumeMessage | null) => void (message && this.messages.push(message));
    await this.channel.consume(`${exchange}.service`, take, { noAck: false });
  }

  next(): Promise<ConsumeMessage> {
    return until('a message comes', () => this.messages.shift());
  }
}

let database: TestDatabase;
let app: INestApplication;
let proxy: TcpProxy | undefined;

/** The example, which finds its broker there. */
async function start(url: string, exchange: string): Promise<void> {
  database = await freshDatabase('sqlite');
  Object.assign(process.env, {
    DATABASE_PATH: String(database.options.database),
    CR3D_WEBHOOK_SECRET: SECRET,
    RABBITMQ_URL: url,
    BROKER_EXCHANGE: exchange,
  });
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(new RememberingLogger())
    .compile();
  app = module.createNestApplication();
  await app.listen(0, '127.0.0.1');
}

afterEach(async () => {
  await app.close();
  await proxy?.refuse();
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

describe('examples/broker without a broker', () => {
  it('acknowledges the sender, and keeps the delivery for another try', async () => {
    await start('amqp://127.0.0.1:1', 'none');
    const body = payload();
    expect(await webhook().deliver(body)).toMatchObject({ verdict: 'accepted' });
    expect(await failure(body)).toContain('ECONNREFUSED');
    expect(await webhook().deliver(body)).toMatchObject({
      delivery: { state: expect.stringMatching(/pending|processing/) },
    });
  });
});

// There is one in `npm run test:all` only.
const withBroker = servers.length > 0 ? describe : undefined;

withBroker?.('examples/broker', () => {
  let service: Service;
  let exchange: string;

  beforeEach(async () => {
    proxy = await TcpProxy.to(TEST_RABBITMQ_URL);
    exchange = `cr3d_docs_${randomBytes(4).toString('hex')}`;
    service = await Service.connect();
    await start(proxy.url, exchange);
  });

  afterEach(async () => {
    await service.connection.close();
    const { channel, connection } = await Service.connect();
    await channel.deleteQueue(`${exchange}.service`);
    await channel.deleteExchange(exchange);
    await connection.close();
  });

  it('gives a service that acknowledges what it has done a message that survives, without personal data', async () => {
    await service.bind(exchange);
    const body = payload();
    const { delivery } = await webhook().deliver(body, { until: 'finished' });
    expect(delivery).toMatchObject({ state: 'completed' });
    await service.consume(exchange); // only now: the queue has kept it
    const { fields, properties, content } = await service.next();

    expect(fields).toMatchObject({ routingKey: 'verification.completed', redelivered: false });
    expect(properties).toMatchObject({ deliveryMode: 2, messageId: delivery?.id, contentType: 'application/json' });
    const { sessionId, status, platformId, externalReferenceId } = body;
    expect(JSON.parse(content.toString())).toMatchObject({ sessionId, status, platformId, externalReferenceId });
    expect(content.toString()).not.toContain(HOLDER);
  });

  it('has the message given again to a service that died before it acknowledged', async () => {
    await service.bind(exchange);
    await webhook().deliver(payload(), { until: 'finished' });
    await service.consume(exchange);
    const { properties } = await service.next();
    await service.connection.close();
    service = await Service.connect();
    await service.consume(exchange);
    const again = await service.next();
    expect(again).toMatchObject({ fields: { redelivered: true }, properties: { messageId: properties.messageId } });
    service.channel.ack(again);
    expect(await service.channel.checkQueue(`${exchange}.service`)).toMatchObject({ messageCount: 0 });
  });

  it('notices a message that fits no queue, and sends it again once one is bound', async () => {
    const body = payload();
    await webhook().deliver(body);
    expect(await failure(body)).toContain(`No queue is bound to ${exchange} for verification.completed.`);
    await service.bind(exchange);
    await service.consume(exchange);
    const { properties } = await service.next();
    const delivery = await webhook().finished(String(body.sessionId));
    expect(delivery).toMatchObject({ id: properties.messageId, state: 'completed' });
  });

  it.each([
    [
      'refuses connections',
      (via: TcpProxy) => via.refuse(),
      (via: TcpProxy) => via.accept(),
      /ECONNREFUSED|ECONNRESET|closed|hang up|ended/i,
    ],
    [
      'does not answer',
      async (via: TcpProxy) => via.stall(),
      async (via: TcpProxy) => via.thaw(),
      /has not answered within 5000 ms/,
    ],
  ])('fails and is retried while the broker %s', async (_, begin, end, says) => {
    await service.bind(exchange);
    await service.consume(exchange);
    await webhook().deliver(payload(), { until: 'finished' }); // there is a connection to lose
    await service.next();
    await begin(proxy as TcpProxy);
    const body = payload();
    await webhook().deliver(body);
    expect(await failure(body)).toMatch(says);
    await end(proxy as TcpProxy);
    const { properties } = await service.next();
    expect(await webhook().finished(String(body.sessionId))).toMatchObject({
      id: properties.messageId,
      state: 'completed',
    });
  });
});
