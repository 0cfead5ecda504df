import type { JobsOptions, Queue } from 'bullmq';
import { BatchWindow } from '../concurrency/batch.window.js';
import { withTimeout } from '../concurrency/with-timeout.js';
import type { RunToEnqueue } from '../processing/dispatch/handler.queues.js';
import type { QueueCore } from '../processing/queues/queue.core.js';
import { Backpressure } from './backpressure.js';
import type { BullMqSettings, QueueSettings } from './bullmq.options.js';
import type { RedisWatch } from './redis.watch.js';

const BATCH_WINDOW_MS = 5;
const MAX_JOBS = 500;
/** BullMQ waits for its connection, so an answer may never come. */
const ANSWER_TIMEOUT_MS = 5_000;

/** What a job holds: the ids of a delivery and of a handler. */
export interface JobData {
  readonly d: string;
  readonly h: string;
}

interface Waiting {
  readonly runs: readonly RunToEnqueue[];
  readonly resolve: (delay: number) => void;
}

/** Adds jobs to one queue: batched for a moment, one call at a time. */
export class JobProducer {
  private readonly window = new BatchWindow<Waiting>(BATCH_WINDOW_MS, MAX_JOBS, (batch) => this.add(batch));
  private readonly backpressure: Backpressure;

  constructor(
    private readonly queue: Pick<Queue, 'name' | 'addBulk'>,
    private readonly watch: Pick<RedisWatch, 'isUp' | 'waitingIn' | 'added' | 'failed'>,
    private readonly settings: BullMqSettings,
    private readonly limits: Pick<QueueSettings, 'maxWaiting'>,
    private readonly core: Pick<QueueCore, 'clock' | 'instrumentation'>,
    random: () => number,
  ) {
    this.backpressure = new Backpressure(core.clock, settings.requeueAfter, random);
  }

  /** Never rejects. Resolves to the milliseconds after which to enqueue again. */
  enqueue(runs: readonly RunToEnqueue[]): Promise<number> {
    return new Promise((resolve) => this.window.add({ runs, resolve }));
  }

  private async add(batch: readonly Waiting[]): Promise<void> {
    const runs = batch.flatMap((waiting) => waiting.runs);
    const { outcome, delay } = await this.give(runs);
    if (this.core.instrumentation.hasSubscribers('enqueued')) {
      const deliveryIds = runs.map(({ deliveryId }) => deliveryId);
      this.core.instrumentation.announce('enqueued', { queue: this.queue.name, deliveryIds, outcome });
    }
    for (const { resolve } of batch) resolve(delay);
  }

  private async give(runs: readonly RunToEnqueue[]): Promise<{ outcome: 'enqueued' | 'postponed'; delay: number }> {
    const { requeueAfter: delay } = this.settings;
    if (!this.watch.isUp) return { outcome: 'postponed', delay }; // once Redis answers, recovery enqueues all of it
    if (this.watch.waitingIn(this.queue.name) >= this.limits.maxWaiting)
      return { outcome: 'postponed', delay: this.backpressure.refused(runs.length) };
    try {
      await withTimeout(this.queue.addBulk(runs.map((run) => this.jobOf(run))), ANSWER_TIMEOUT_MS);
      this.watch.added(this.queue.name, runs.length);
      this.backpressure.accepted(runs.length);
      return { outcome: 'enqueued', delay };
    } catch (error) {
      this.watch.failed(this.queue.name, error);
      return { outcome: 'postponed', delay };
    }
  }

  /**
   * BullMQ ignores a job while another with the same deduplication id waits or runs. The number of claims makes it
   * another for each attempt.
   */
  private jobOf({ deliveryId, handler, claims, priority }: RunToEnqueue): {
    name: string;
    data: JobData;
    opts: JobsOptions;
  } {
    return {
      name: handler,
      data: { d: deliveryId, h: handler },
      opts: {
        attempts: 1,
        deduplication: { id: `${deliveryId}/${handler}/${claims}` },
        removeOnComplete: true,
        removeOnFail: this.settings.keepFailed,
        stackTraceLimit: 0,
        ...(priority !== undefined && { priority }),
      },
    };
  }
}
