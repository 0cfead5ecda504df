import { UnrecoverableError, Worker, type Job, type Queue } from 'bullmq';
import { waitAtMost } from '../concurrency/with-timeout.js';
import type { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import type { QueueCore } from '../processing/queues/queue.core.js';
import type { BullMqSettings, QueueSettings } from './bullmq.options.js';
import type { JobData } from './job.producer.js';
import { workerConnection } from './redis.connection.js';

/** Time without a job, although jobs wait and Redis answers, after which a worker counts as stuck. */
const STUCK_MS = 60_000;
const DELIVERY_ID = /^[0-9a-f-]{36}$/i;
const CLOSE_TIMEOUT_MS = 5_000;

/** Runs what waits in one queue. A worker whose connections are dead without knowing it is replaced. */
export class JobWorker {
  private worker: Worker<JobData> | undefined;
  private running = 0;
  /** Last time at which the worker was running, or no job was waiting. */
  private lastHealthyAt = performance.now();
  /** Times in a row that it was replaced, and took nothing. */
  private replacements = 0;
  private isStopped = false;

  constructor(
    private readonly queue: Pick<Queue, 'name' | 'isPaused' | 'isMaxed' | 'getRateLimitTtl'>,
    private readonly core: QueueCore,
    private readonly inbox: Pick<Cr3dentialsWebhookInbox, 'replay'>,
    private readonly settings: BullMqSettings,
    private readonly limits: QueueSettings,
  ) {}

  start(): void {
    const { concurrency, limiter, lockDuration } = this.limits;
    this.lastHealthyAt = performance.now();
    this.worker = new Worker<JobData>(this.queue.name, (job) => this.process(job), {
      connection: workerConnection(this.settings.connection),
      prefix: this.settings.prefix,
      autorun: false,
      concurrency,
      lockDuration,
      stalledInterval: lockDuration,
      maxStalledCount: 1_000_000, // the inbox counts crashes
      ...(limiter && { limiter }),
    });
    this.worker.on('error', () => {}); // Redis is watched, and the inbox has the outcome
    this.worker.run().catch(() => {}); // it ends with the worker
  }

  /**
   * Call it whenever Redis has answered others.
   *
   * @param waiting number of jobs that wait
   */
  check(waiting: number): void {
    if (this.isStopped || waiting === 0 || this.running > 0) this.markHealthy();
    if (performance.now() - this.lastHealthyAt < STUCK_MS) return;
    this.lastHealthyAt = performance.now();
    void this.replaceIfStuck();
  }

  /** True if it takes nothing, although jobs wait and it was replaced a minute ago. */
  get isStuck(): boolean {
    return this.replacements > 1;
  }

  /** Takes nothing more. Resolves when the jobs have ended. */
  async close(): Promise<void> {
    this.isStopped = true;
    await this.worker?.close();
  }

  /** Does not wait for Redis. */
  async abandon(): Promise<void> {
    this.isStopped = true;
    if (this.worker) await abandon(this.worker);
  }

  private markHealthy(): void {
    this.lastHealthyAt = performance.now();
    this.replacements = 0;
  }

  private async replaceIfStuck(): Promise<void> {
    if (await this.isHeldBack()) return;
    const { worker } = this;
    if (!worker || this.isStopped || this.running > 0) return;
    this.core.instrumentation.announce('queue-stuck', { queue: this.queue.name });
    this.replacements++;
    void abandon(worker);
    this.start();
  }

  /** Tells whether somebody has paused the queue, or its limit is reached: no worker takes a job then. */
  private async isHeldBack(): Promise<boolean> {
    try {
      return (await this.queue.isPaused()) || (await this.queue.isMaxed()) || (await this.queue.getRateLimitTtl()) > 0;
    } catch {
      return true; // Redis does not answer: that is told elsewhere
    }
  }

  private async process(job: Job<JobData>): Promise<void> {
    this.running++;
    this.markHealthy();
    try {
      await this.work(job);
    } finally {
      this.running--;
    }
  }

  private async work({ data, attemptsMade }: Pick<Job<unknown>, 'data' | 'attemptsMade'>): Promise<void> {
    if (!isJobData(data)) throw new UnrecoverableError('This job was not enqueued by the inbox.');
    const { d: deliveryId, h: handler } = data;
    let result = await this.core.work({ deliveryId, handler });
    const outcome = result.ended === 'not-due' || result.ended === 'not-found' ? 'not-due' : 'run';
    this.core.instrumentation.announce('queue-claimed', { queue: this.queue.name, outcome });
    if (result.ended === 'not-found')
      this.core.instrumentation.announce('queue-run-unknown', { queue: this.queue.name });
    const isRetriedOnBoard = result.ended === 'dead' && result.error === undefined && attemptsMade > 0;
    if (isRetriedOnBoard) {
      await this.inbox.replay(deliveryId, { handlers: [handler], reason: 'Retried on a board of the queue' });
      result = await this.core.work({ deliveryId, handler });
    }
    if (result.ended === 'dead' && result.error !== undefined)
      throw new UnrecoverableError(
        `${result.error}: the handler is dead for this delivery. The inbox has the message.`,
      );
  }
}

/** A board adds jobs with any data. What is no id would have the database refuse the claims of others beside it. */
function isJobData(data: unknown): data is JobData {
  const { d, h } = (data ?? {}) as Partial<Record<keyof JobData, unknown>>;
  return typeof d === 'string' && DELIVERY_ID.test(d) && typeof h === 'string';
}

/** One that is closing already waits for its jobs, and would not be closed any faster. */
async function abandon(worker: Worker): Promise<void> {
  if (!worker.closing) await waitAtMost(worker.close(true), CLOSE_TIMEOUT_MS);
  worker.disconnect().catch(() => {});
}
