import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { jetstream, jetstreamManager, type JetStreamClient } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';

/** Timeout of the server. It must be shorter than `processing.handlerTimeout`. */
const TIMEOUT_MS = 5_000;
/** Nanoseconds in which the stream drops a message whose id it has. It has to remember all ids of this time. */
const DUPLICATE_WINDOW = 10 * 60 * 1e9;

/** Publishes to a stream of JetStream. Resolves after the stream has stored the message. */
@Injectable()
export class Stream implements OnApplicationShutdown {
  readonly name = process.env.NATS_STREAM ?? 'cr3dentials';
  #opening: Promise<JetStreamClient> | undefined;
  #connection: NatsConnection | undefined;

  /**
   * Without the confirm, a publish of NATS is a write to a socket. The id has a repetition dropped that comes soon; one
   * that comes later is in the stream twice, so consumers deduplicate by it too.
   */
  async publish(subject: string, id: string, content: object): Promise<void> {
    const stream = await this.#stream();
    await stream.publish(`${this.name}.${subject}`, JSON.stringify(content), { msgID: id, timeout: TIMEOUT_MS });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#connection?.close();
  }

  #stream(): Promise<JetStreamClient> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Opens a connection, which reconnects by itself from then on, and makes the stream unless there is one. */
  async #open(): Promise<JetStreamClient> {
    const servers = process.env.NATS_URL ?? 'nats://127.0.0.1:4222';
    this.#connection ??= await connect({ servers, timeout: TIMEOUT_MS, maxReconnectAttempts: -1 });
    const manager = await jetstreamManager(this.#connection, { timeout: TIMEOUT_MS });
    const wanted = { name: this.name, subjects: [`${this.name}.>`], duplicate_window: DUPLICATE_WINDOW };
    await manager.streams.info(this.name).catch(() => manager.streams.add(wanted));
    return jetstream(this.#connection, { timeout: TIMEOUT_MS });
  }
}
