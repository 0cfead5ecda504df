import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { withTimeout } from '../concurrency/with-timeout.js';
import type { QueueCore } from '../processing/queues/queue.core.js';
import type { QueueGauges } from '../instrumentation/telemetry.js';
import { errorName, toSingleLine } from '../instrumentation/single-line.js';
import type { BullMqSettings } from './bullmq.options.js';
import { failFastConnection } from './redis.connection.js';

const INTERVAL_MS = 1_000;
const ANSWER_TIMEOUT_MS = 2_000;
/** Number of probes in a row without an answer after which the connection is replaced. */
const MAX_FAILED_PROBES = 3;
/**
 * Number of probes after a recovery until a second one: what was being enqueued during the first was not pending yet.
 */
const PROBES_BEFORE_SECOND_RECOVERY = 3;
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Probes Redis once a second: whether it answers, how much waits in its queues, and whether it has lost what it had.
 * A key of ours has a value that nobody sets again: another one, or another run of the server, tells of a flush, a
 * restart or a failover. What was in the queues is then enqueued again.
 */
export class RedisWatch {
  readonly #redis: Redis;
  readonly #waiting = new Map<string, number>();
  /** As of the last look; empty before the first answer. */
  #gauges: readonly QueueGauges[] = [];
  #timer?: NodeJS.Timeout | undefined;
  #isUp = true;
  #failedProbes = 0;
  #epoch: string | undefined;
  /** Number of probes until the second recovery. */
  #recoverAgainIn = 0;
  #isProbing = false;
  #recovery: Promise<void> | undefined;
  /** Why runs have to be enqueued again, until that is done. */
  #toRecover: 'lost' | 'answers' | undefined;
  /** Why there is no connection: a command says only that there is none. */
  #connectionError: Error | undefined;
  #isStopped = false;

  constructor(
    private readonly core: QueueCore,
    private readonly settings: BullMqSettings,
    private readonly queues: readonly string[],
    /** Called after each answer. */
    private readonly onAnswer: () => void,
    /**
     * Called when Redis answers for the first time, and when it has lost what it had. If it rejects, it is called again
     * after the next answer.
     */
    private readonly onNewData: () => Promise<unknown>,
  ) {
    this.#redis = new Redis({ ...failFastConnection(settings.connection), enableOfflineQueue: false });
    this.#redis.on('error', (error) => (this.#connectionError = error)); // each probe meets it
  }

  /** True while Redis answers. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Returns the numbers of the queues. None while Redis does not answer: old ones would hide it. */
  gauges(): readonly QueueGauges[] {
    return this.#isUp ? this.#gauges : [];
  }

  /** Number of jobs that wait in a queue, as of the last probe. */
  waitingIn(queue: string): number {
    return this.#waiting.get(queue) ?? 0;
  }

  /** Adds jobs that were enqueued since the last probe. */
  added(queue: string, jobs: number): void {
    this.#waiting.set(queue, this.waitingIn(queue) + jobs);
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (!this.#isProbing) void this.#probe();
    }, INTERVAL_MS);
  }

  /** Also waits for a recovery under way: the database is closed next. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    const quit = withTimeout(this.#redis.quit(), CLOSE_TIMEOUT_MS).catch(() => this.#redis.disconnect());
    await Promise.all([quit, this.#recovery]);
  }

  /** Redis did not answer to a command. Nothing is given to it until it does. */
  failed(queue: string, error: unknown): void {
    this.#isUp = false;
    this.core.instrumentation.announce('queue-unavailable', { queue, error: textOf(error) });
  }

  async #probe(): Promise<void> {
    this.#isProbing = true;
    try {
      await withTimeout(this.#ask(), ANSWER_TIMEOUT_MS);
      this.#failedProbes = 0;
    } catch (error) {
      if (this.#isStopped) return;
      this.failed(this.queues.join(', '), this.#redis.status === 'ready' ? error : (this.#connectionError ?? error));
      if (++this.#failedProbes % MAX_FAILED_PROBES === 0) this.#redis.disconnect(true);
      return;
    } finally {
      this.#isProbing = false;
    }
    if (this.#isStopped) return;
    this.onAnswer();
    this.#recovery ??= this.#recover().finally(() => (this.#recovery = undefined));
  }

  async #ask(): Promise<void> {
    const key = `${this.settings.prefix}:cr3dentials-webhook:epoch`;
    const pipeline = this.#redis.pipeline();
    if (this.core.enqueues) pipeline.set(key, randomUUID(), 'NX');
    pipeline.get(key).info('server');
    for (const queue of this.queues) {
      const name = `${this.settings.prefix}:${queue}`;
      pipeline.llen(`${name}:wait`).zcard(`${name}:prioritized`).llen(`${name}:active`).zcard(`${name}:failed`);
      pipeline.lindex(`${name}:wait`, -1).zrange(`${name}:prioritized`, 0, 0);
    }
    const answers = (await pipeline.exec()) ?? [];
    const [set] = this.core.enqueues ? answers.splice(0, 1) : [];
    const [[failure, marker] = [], [, server] = [], ...sizes] = answers;
    if (set?.[0] ?? failure) throw set?.[0] ?? failure; // a full Redis answers, but refuses writes
    await this.#measure(sizes.map(([, value]) => value));
    const runId = /run_id:(\w+)/.exec(String(server))?.[1] ?? ''; // a server may not tell
    await this.#answered(`${String(marker)} ${runId}`, set?.[1] === 'OK');
  }

  /** @param answers those about each queue, one queue after the other */
  async #measure(answers: readonly unknown[]): Promise<void> {
    const size = answers.length / this.queues.length;
    const measured = this.queues.map(async (queue, index): Promise<QueueGauges> => {
      const [wait, prioritized, active, failed, last, first] = answers.slice(size * index, size * (index + 1));
      const waiting = Number(wait ?? 0) + Number(prioritized ?? 0);
      this.#waiting.set(queue, waiting);
      const next = [last, ...(Array.isArray(first) ? (first as unknown[]) : [])].filter((id) => typeof id === 'string');
      const times = next.map((id) => this.#redis.hget(`${this.settings.prefix}:${queue}:${id}`, 'timestamp'));
      const now = this.core.clock.now();
      const since = (await Promise.all(times)).map((time) => Number(time ?? now));
      return {
        queue,
        waiting,
        active: Number(active ?? 0),
        failed: Number(failed ?? 0),
        oldest: Math.max(0, now - Math.min(now, ...since)),
      };
    });
    this.#gauges = await Promise.all(measured);
  }

  /** @param isNew whether the key was missing: nothing that was given before is there */
  async #answered(epoch: string, isNew: boolean): Promise<void> {
    const isLost = isNew || (this.#epoch !== undefined && this.#epoch !== epoch);
    if (this.#epoch !== epoch) await Promise.all([this.onNewData(), this.#checkMemory()]);
    if (isLost) this.#toRecover = 'lost';
    else if (!this.#isUp) this.#toRecover ??= 'answers';
    this.#epoch = epoch;
    this.#isUp = true; // before the recovery: what it makes due is enqueued
  }

  /** Takes as long as the database needs. Redis is probed meanwhile. What fails is tried again after the next probe. */
  async #recover(): Promise<void> {
    if (!this.core.enqueues) return;
    const why = this.#toRecover;
    const isSecond = this.#recoverAgainIn > 0 && --this.#recoverAgainIn === 0;
    if (why === undefined && !isSecond) return;
    this.#toRecover = undefined;
    const count = await this.core.recover();
    if (count === undefined) this.#toRecover ??= why ?? 'answers';
    if (count === undefined || why === undefined) return;
    if (count > 0 || why === 'answers') this.core.instrumentation.announce('queue-recovered', { count, why });
    this.#recoverAgainIn = PROBES_BEFORE_SECOND_RECOVERY;
  }

  /** Tells of a Redis that may remove jobs. One that does not say it is not asked again. */
  async #checkMemory(): Promise<void> {
    const memory = await this.#redis.info('memory').catch(() => '');
    const [, policy = 'noeviction'] = /maxmemory_policy:(\S+)/.exec(memory) ?? [];
    if (policy === 'noeviction' || /maxmemory:0\b/.test(memory)) return;
    this.core.instrumentation.announce('queue-evicts', { policy });
  }
}

/** Redis was sent ids only, so that it can quote nothing else. */
function textOf(error: unknown): string {
  return toSingleLine(error instanceof Error ? `${errorName(error)}: ${error.message}` : String(error));
}
