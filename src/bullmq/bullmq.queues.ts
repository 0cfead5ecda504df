import type { OnModuleInit } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import type { Queue } from 'bullmq';
import { waitAtMost } from '../concurrency/with-timeout.js';
import { Cr3dentialsWebhookError, withoutStack } from '../cr3dentials-webhook.error.js';
import { INBOX_TOKEN, type Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import type { QueueGauges } from '../instrumentation/telemetry.js';
import type { QueueDriver, RunToEnqueue } from '../processing/dispatch/handler.queues.js';
import type { VerificationHandler } from '../processing/handlers/verification-handler.js';
import { QUEUE_CORE_TOKEN, type QueueCore } from '../processing/queues/queue.core.js';
import { remoteHandler, type BullMqExtraSettings, type BullMqSettings } from './bullmq.options.js';
import { JobProducer } from './job.producer.js';
import { JobWorker } from './job.worker.js';
import { RedisWatch } from './redis.watch.js';

const CLOSE_TIMEOUT_MS = 5_000;

/** Places the runs of handlers with a queue in BullMQ. */
export class BullMqQueues implements QueueDriver, OnModuleInit {
  readonly queues: ReadonlySet<string>;
  readonly remoteHandlers: readonly VerificationHandler[];
  private readonly producers = new Map<string, JobProducer>();
  private readonly workers = new Map<string, JobWorker>();
  private core!: QueueCore;
  private watch: RedisWatch | undefined;

  constructor(
    private readonly settings: BullMqSettings,
    private readonly extras: BullMqExtraSettings,
    private readonly bullQueues: readonly (Queue | undefined)[],
    private readonly modules: ModuleRef,
    private readonly random: () => number,
  ) {
    this.queues = new Set(extras.queues.keys());
    this.remoteHandlers = withoutStack(() => settings.remoteHandlers.map(remoteHandler));
  }

  /** Finds the inbox. Nest calls it. */
  onModuleInit(): void {
    this.core = withoutStack(() => this.find<QueueCore>(QUEUE_CORE_TOKEN));
    if (!this.settings.enabled) return this.core.attach(undefined);
    const inbox = this.find<Cr3dentialsWebhookInbox>(INBOX_TOKEN);
    const watch = new RedisWatch(
      this.core,
      this.settings,
      [...this.queues],
      () => this.checkWorkers(),
      () => this.setLimits(),
    );
    this.watch = watch;
    for (const queue of this.bullQueues) {
      const limits = queue && this.extras.queues.get(queue.name);
      if (!queue || !limits) continue;
      this.producers.set(queue.name, new JobProducer(queue, watch, this.settings, limits, this.core, this.random));
      if (this.extras.work.has(queue.name))
        this.workers.set(queue.name, new JobWorker(queue, this.core, inbox, this.settings, limits));
    }
    this.core.attach(this);
  }

  async enqueue(queue: string, runs: readonly RunToEnqueue[]): Promise<number> {
    return (await this.producers.get(queue)?.enqueue(runs)) ?? this.settings.requeueAfter;
  }

  gauges(): readonly QueueGauges[] {
    return this.watch?.gauges() ?? [];
  }

  get isAnswering(): boolean {
    return this.watch?.isUp ?? true;
  }

  get isStuck(): boolean {
    return [...this.workers.values()].some(({ isStuck }) => isStuck);
  }

  start(): void {
    this.watch?.start();
    for (const worker of this.workers.values()) worker.start();
  }

  /** Runs that have not begun are picked up elsewhere. Redis may be down, so each wait has a timeout. */
  async stop(): Promise<void> {
    const workers = [...this.workers.values()];
    const closing = Promise.all(workers.map((worker) => worker.close()));
    await this.core.drain();
    await waitAtMost(closing, CLOSE_TIMEOUT_MS);
    const queues = this.bullQueues.flatMap((queue) => queue ?? []);
    const closed = Promise.all(queues.map((queue) => queue.close()));
    await waitAtMost(Promise.all([closed, this.watch?.stop()]), CLOSE_TIMEOUT_MS);
    await Promise.all(workers.map((worker) => worker.abandon()));
    for (const queue of queues) queue.disconnect().catch(() => {}); // it does nothing to one that is closed
  }

  /** Sets the limits that are kept in Redis. */
  private async setLimits(): Promise<void> {
    for (const queue of this.bullQueues) {
      const { globalConcurrency } = (queue && this.extras.queues.get(queue.name)) ?? {};
      if (queue && globalConcurrency !== undefined) await queue.setGlobalConcurrency(globalConcurrency);
    }
  }

  private checkWorkers(): void {
    for (const [name, worker] of this.workers) worker.check(this.watch?.waitingIn(name) ?? 0);
  }

  private find<T>(token: string): T {
    try {
      return this.modules.get<T>(token, { strict: false });
    } catch {
      throw new Cr3dentialsWebhookError(
        'MODULE_UNCONFIGURED',
        'Cr3dentialsWebhookBullMqModule needs the inbox. Import Cr3dentialsWebhookModule.forRoot(…) in the root module.',
      );
    }
  }
}
