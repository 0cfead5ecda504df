import { Injectable } from '@nestjs/common';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import { DatabaseConnection } from '../../database/database.connection.js';
import type { EnqueuedRun } from '../../inbox/queued-run.js';
import type { QueueGauges } from '../../instrumentation/telemetry.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';

/** A run for a queue. */
export interface RunToEnqueue extends EnqueuedRun {
  readonly priority: number | undefined;
}

/** Runs handlers elsewhere. It knows runs by their keys only: the inbox has all else. */
export interface QueueDriver {
  /** Names of the queues. */
  readonly queues: ReadonlySet<string>;
  /** Handlers with a queue that are not in this app. */
  readonly remoteHandlers: readonly VerificationHandler[];
  /** Gives runs to a queue. Never rejects. Resolves to the milliseconds after which to do so again. */
  enqueue(queue: string, runs: readonly RunToEnqueue[]): Promise<number>;
  /** Begins to run what waits in the queues. */
  start(): void;
  /** Returns the numbers of the queues; none while their server does not answer. */
  gauges(): readonly QueueGauges[];
  /** False while the server of the queues does not answer. */
  readonly isAnswering: boolean;
  /** True if a worker of a queue takes nothing, although jobs wait and its connection was replaced. */
  readonly isStuck: boolean;
  /** Takes nothing more, and resolves when the runs have ended, or were aborted. */
  stop(): Promise<void>;
}

/** Tells which handlers run elsewhere, by the queue that they name. */
@Injectable()
export class HandlerQueues {
  #driver: QueueDriver | undefined;
  #runsHere = false;

  constructor(private readonly connection: DatabaseConnection) {}

  /** Handlers that are not in this app. */
  get remoteHandlers(): readonly VerificationHandler[] {
    return this.#driver?.remoteHandlers ?? [];
  }

  /** Call it before the handlers are registered. Undefined: handlers with a queue run here. */
  attach(driver: QueueDriver | undefined): void {
    this.#driver = driver;
    this.#runsHere = driver === undefined;
  }

  /** Returns the queue of a handler, unless it runs here. */
  queueOf({ settings }: VerificationHandler): string | undefined {
    return this.#runsHere ? undefined : settings?.queue;
  }

  /**
   * Gives runs to their queue. Never rejects.
   *
   * @returns the milliseconds after which to do so again
   */
  async enqueue(queue: string, runs: readonly RunToEnqueue[]): Promise<number> {
    return (await this.#driver?.enqueue(queue, runs)) ?? 0;
  }

  gauges(): readonly QueueGauges[] {
    return this.#driver?.gauges() ?? [];
  }

  /** False while the server of the queues does not answer; undefined without queues. */
  get isAnswering(): boolean | undefined {
    return this.#driver?.isAnswering;
  }

  get isStuck(): boolean {
    return this.#driver?.isStuck ?? false;
  }

  start(): void {
    this.#driver?.start();
  }

  async stop(): Promise<void> {
    await this.#driver?.stop();
  }

  /**
   * Checks that there is a queue for each handler that names one.
   *
   * @throws Cr3dentialsWebhookError `HANDLER_INVALID`, `QUEUE_NEEDS_SERVER`
   */
  assertQueues(handlers: readonly VerificationHandler[]): void {
    for (const handler of handlers) {
      const queue = this.queueOf(handler);
      if (queue === undefined) continue;
      if (!this.#driver) throw withoutModule(handler.id, queue);
      if (!this.#driver.queues.has(queue)) throw unknownQueue(handler.id, queue, this.#driver.queues);
      if (!this.connection.dialect.isServer) throw withoutServer(handler.id);
    }
  }
}

function withoutModule(id: string, queue: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `The handler "${id}" is for the queue "${queue}", and this app has no module of queues. Import Cr3dentialsWebhookBullMqModule.forRoot(…) of nestjs-cr3dentials-webhook/bullmq.`,
  );
}

function unknownQueue(id: string, queue: string, known: ReadonlySet<string>): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `The handler "${id}" is for the queue "${queue}", which is not configured. Add it to "queues", or name one of ${[...known].join(', ')}.`,
  );
}

function withoutServer(id: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'QUEUE_NEEDS_SERVER',
    `The handler "${id}" is for a queue, and the inbox is in SQLite, which workers elsewhere cannot open. Use PostgreSQL, MariaDB or MySQL; in tests, set enabled: false in Cr3dentialsWebhookBullMqModule.`,
  );
}
