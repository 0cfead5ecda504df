import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Clock } from '../clock.js';
import { formatDatabaseError } from '../database/database.errors.js';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { TaskRepository, type TaskLease } from '../inbox/task.repository.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import type { ErasureRecord } from './erasure.js';
import { ErasureRepository } from './erasure.repository.js';
import { SWEEP_DELAY } from './eraser.js';
import { ErasureExecutor } from './erasure.executor.js';
import { RETENTION_ENABLED } from './retention.runner.js';

const INTERVAL_MS = 60_000;
const LEASE_MS = 60_000;
const MAX_ERASURES = 100;

/**
 * Looks at each erasure once more, when nothing that was under way at its time can be written any more. It goes on with
 * erasures whose process has died. Instances that process deliveries look, and one at a time works. Keys are destroyed
 * by those that can.
 */
@Injectable()
export class ErasureSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer?: NodeJS.Timeout;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(SWEEP_DELAY) private readonly sweepDelay: number,
    @Inject(RETENTION_ENABLED) private readonly isEnabled: boolean,
    private readonly repository: ErasureRepository,
    private readonly executor: ErasureExecutor,
    private readonly codec: PayloadCodec,
    private readonly tasks: TaskRepository,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.isEnabled) return;
    // Instances that boot together look at different times.
    this.telemetry.inBackground(() => this.schedule(Math.random() * INTERVAL_MS));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Looks at what is due. Never rejects. */
  run(): Promise<void> {
    const running = this.#running.then(() => this.attempt()).catch((error: unknown) => this.report(error));
    this.#running = running;
    return running;
  }

  private schedule(delay: number): void {
    this.#timer = setTimeout(() => void this.runOnSchedule(), delay).unref();
  }

  private async runOnSchedule(): Promise<void> {
    await this.run();
    if (!this.#stop.signal.aborted) this.schedule(INTERVAL_MS);
  }

  private async attempt(): Promise<void> {
    const due = await this.repository.due(this.clock.now(), MAX_ERASURES, this.codec.canDestroyKeys);
    if (due.length === 0) return;
    const lease = await this.tasks.take('sweep', LEASE_MS);
    if (!lease) return;
    try {
      for (const id of due) if (!(await this.sweepWith(lease, id))) return;
    } finally {
      await this.tasks.release(lease, null).catch(() => {}); // its lease ends by itself
    }
  }

  /** Resolves to false if it must not go on. One that fails holds up no other. */
  private async sweepWith(lease: TaskLease, id: string): Promise<boolean> {
    const record = await this.repository.find(id);
    if (record) await this.sweep(record).catch((error: unknown) => this.postpone(id, error));
    return !this.#stop.signal.aborted && (await this.tasks.renew(lease, LEASE_MS, null));
  }

  private async sweep(record: ErasureRecord): Promise<void> {
    const { id, sweepAfter: until } = record;
    const isDone = await this.executor.execute(record, { wait: 0, until, signal: this.#stop.signal });
    const after = await this.repository.find(id);
    const deliveries = (after?.deliveries ?? 0) - record.deliveries;
    const rejections = (after?.rejections ?? 0) - record.rejections;
    if (deliveries + rejections > 0)
      this.instrumentation.announce('erasure-swept', { erasureId: id, deliveries, rejections });
    const now = this.clock.now();
    if (!isDone) await this.repository.postpone(id, now + this.sweepDelay);
    else if (record.state === 'requested') await this.repository.markDone(id, now, now + this.sweepDelay);
    else await this.repository.markSwept(id, now);
  }

  private async postpone(id: string, error: unknown): Promise<void> {
    this.report(error);
    await this.repository.postpone(id, this.clock.now() + this.sweepDelay);
  }

  private report(error: unknown): void {
    this.instrumentation.announce('erasure-failed', { error: formatDatabaseError(error) });
  }
}
