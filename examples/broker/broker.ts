import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';

/** Timeout of the broker. It must be shorter than `processing.handlerTimeout`. */
const TIMEOUT_MS = 5_000;

/**
 * Publishes to RabbitMQ. Resolves after the broker has stored the message in a queue. It uses amqplib, not Nest's
 * ClientProxy. ClientProxy reports no error for a message without a queue. During an outage it keeps messages in
 * memory, and sends them after their handlers have failed.
 */
@Injectable()
export class Broker implements OnApplicationShutdown {
  readonly exchange = process.env.BROKER_EXCHANGE ?? 'cr3dentials';
  readonly #unroutable = new Set<string>();
  #connection: ChannelModel | undefined;
  #opening: Promise<ConfirmChannel> | undefined;

  /** @param id the idempotency key for consumers, because a message may arrive more than once */
  async publish(topic: string, id: string, content: object): Promise<void> {
    await withTimeout(this.#publish(topic, id, content));
  }

  async onApplicationShutdown(): Promise<void> {
    await withTimeout(this.#connection?.close()).catch(() => {}); // it is closed already, or it does not answer
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
    // RabbitMQ returns a message without a queue before it confirms the message.
    if (this.#unroutable.delete(id)) throw new Error(`No queue is bound to ${this.exchange} for ${topic}.`);
  }

  #channel(): Promise<ConfirmChannel> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Opens a connection. After the connection closes, the next message opens a new one. */
  async #open(): Promise<ConfirmChannel> {
    const connection = await connect(process.env.RABBITMQ_URL ?? 'amqp://127.0.0.1', { timeout: TIMEOUT_MS });
    connection.on('error', () => {}); // a close follows
    connection.on('close', () => (this.#opening = undefined));
    this.#connection = connection;
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {}); // a close follows
    channel.on('close', () => (this.#opening = undefined));
    channel.on('return', ({ properties }) => this.#unroutable.add(String(properties.messageId)));
    await channel.assertExchange(this.exchange, 'topic', { durable: true });
    return channel;
  }
}

async function withTimeout<T>(work: Promise<T> | undefined): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`RabbitMQ has not answered within ${TIMEOUT_MS} ms.`)), TIMEOUT_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
