import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';

/** Milliseconds that the broker may take to answer: less than a handler may take. */
const PATIENCE = 5_000;

/**
 * Publishes to RabbitMQ, and resolves once the broker has stored the message and put it into a queue. amqplib itself
 * rather than Nest's ClientProxy: that one tells nobody of a message that fits no queue, and keeps those of an outage
 * in memory, to be sent after their handler has long failed.
 */
@Injectable()
export class Broker implements OnApplicationShutdown {
  readonly exchange = process.env.BROKER_EXCHANGE ?? 'cr3dentials';
  readonly #unroutable = new Set<string>();
  #connection: ChannelModel | undefined;
  #opening: Promise<ConfirmChannel> | undefined;

  /** @param id tells consumers what they have had before: a message may come more than once */
  async publish(topic: string, id: string, content: object): Promise<void> {
    await inTime(this.#publish(topic, id, content));
  }

  async onApplicationShutdown(): Promise<void> {
    await inTime(this.#connection?.close()).catch(() => {}); // it is closed already, or will never answer
  }

  async #publish(topic: string, id: string, content: object): Promise<void> {
    const channel = await this.#channel();
    this.#unroutable.delete(id);
    await new Promise<void>((resolve, reject) => {
      const options = { persistent: true, mandatory: true, messageId: id, contentType: 'application/json' };
      channel.publish(this.exchange, topic, Buffer.from(JSON.stringify(content)), options, (error: unknown) =>
        error ? reject(new Error('RabbitMQ refused the message.', { cause: error })) : resolve(),
      );
    });
    // A message that fits no queue is returned before it is confirmed.
    if (this.#unroutable.delete(id)) throw new Error(`No queue is bound to ${this.exchange} for ${topic}.`);
  }

  #channel(): Promise<ConfirmChannel> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Opened anew for the next message whenever it closes. */
  async #open(): Promise<ConfirmChannel> {
    const connection = await connect(process.env.RABBITMQ_URL ?? 'amqp://127.0.0.1', { timeout: PATIENCE });
    connection.on('error', () => {}); // it closes
    connection.on('close', () => (this.#opening = undefined));
    this.#connection = connection;
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {}); // it closes
    channel.on('close', () => (this.#opening = undefined));
    channel.on('return', ({ properties }) => this.#unroutable.add(String(properties.messageId)));
    await channel.assertExchange(this.exchange, 'topic', { durable: true });
    return channel;
  }
}

async function inTime<T>(work: Promise<T> | undefined): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`RabbitMQ has not answered within ${PATIENCE} ms.`)), PATIENCE);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
