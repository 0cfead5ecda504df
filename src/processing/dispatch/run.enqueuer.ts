import { Injectable } from '@nestjs/common';
import { BatchWindow } from '../../concurrency/batch.window.js';
import { Clock } from '../../clock.js';
import { toOccurrenceError } from '../../database/database.errors.js';
import type { ClaimedDelivery } from '../../inbox/claimed-delivery.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import { QueuedRunRepository } from '../../inbox/queued-run.repository.js';
import type { RunKey } from '../../inbox/handler-run.queries.js';
import type { EnqueuedRun } from '../../inbox/queued-run.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { HandlerQueues, type RunToEnqueue } from './handler.queues.js';

const BATCH_WINDOW_MS = 5;
const MAX_ROWS = 200;
/** Delay of a run whose row could not be written. */
const RETRY_MS = 1_000;

/** Runs that were enqueued in one pass, and when their delivery is due again. */
export interface EnqueueResult {
  /** Ids of the handlers. */
  readonly handlers: ReadonlySet<string>;
  /** Empty if the runs could not be stored. */
  readonly enqueued: readonly EnqueuedRun[];
  readonly dueAgainAt: number;
}

interface Waiting {
  readonly rows: readonly RunKey[];
  readonly resolve: (isWritten: boolean) => void;
}

/** Stores the runs of handlers with a queue, and enqueues them then: a worker claims nothing that is not stored. */
@Injectable()
export class RunEnqueuer {
  private readonly window = new BatchWindow<Waiting>(BATCH_WINDOW_MS, MAX_ROWS, (batch) => this.write(batch));

  constructor(
    private readonly runs: QueuedRunRepository,
    private readonly queues: HandlerQueues,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {}

  /** Tells whether a queue runs the handler. */
  isQueued(handler: VerificationHandler): boolean {
    return this.queues.queueOf(handler) !== undefined;
  }

  /** Never rejects. Runs that could not be enqueued are enqueued later. */
  async enqueue(
    { id: deliveryId }: ClaimedDelivery,
    handlers: readonly VerificationHandler[],
    before: ReadonlyMap<string, HandlerRun>,
  ): Promise<EnqueueResult> {
    const isStored = ({ id }: VerificationHandler) => before.get(id)?.claims !== undefined;
    const rows = handlers.filter((handler) => !isStored(handler)).map(({ id }) => ({ deliveryId, handler: id }));
    const ids = new Set(handlers.map(({ id }) => id));
    if (rows.length > 0 && !(await this.store(rows)))
      return { handlers: ids, enqueued: [], dueAgainAt: this.clock.now() + RETRY_MS };
    const enqueued = handlers.map((handler) => queuedRun(deliveryId, handler, before));
    const byQueue = new Map<string, RunToEnqueue[]>();
    for (const [index, run] of enqueued.entries()) {
      const queue = handlers[index] && this.queues.queueOf(handlers[index]);
      if (queue !== undefined) byQueue.set(queue, [...(byQueue.get(queue) ?? []), run]);
    }
    const delays = await Promise.all([...byQueue].map(([queue, runs]) => this.queues.enqueue(queue, runs)));
    return { handlers: ids, enqueued, dueAgainAt: this.clock.now() + Math.min(...delays) };
  }

  private store(rows: readonly RunKey[]): Promise<boolean> {
    return new Promise((resolve) => this.window.add({ rows, resolve }));
  }

  private async write(batch: readonly Waiting[]): Promise<void> {
    const rows = batch.flatMap((waiting) => waiting.rows);
    const stored = await this.runs.store(rows, this.clock.now()).catch((error: unknown) => {
      const failure = { operation: 'enqueue', count: batch.length, error: toOccurrenceError(error) } as const;
      this.instrumentation.announce('database-unavailable', failure);
      return new Set<string>();
    });
    for (const waiting of batch) waiting.resolve(waiting.rows.every(({ deliveryId }) => stored.has(deliveryId)));
  }
}

function queuedRun(
  deliveryId: string,
  { id, settings }: VerificationHandler,
  before: ReadonlyMap<string, HandlerRun>,
): RunToEnqueue {
  return { deliveryId, handler: id, claims: before.get(id)?.claims ?? 0, priority: settings?.priority };
}
