import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { toOccurrenceError } from '../../database/database.errors.js';
import type { RunKey } from '../../inbox/handler-run.queries.js';
import { QueuedRunRepository } from '../../inbox/queued-run.repository.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { HandlerQueues, type QueueDriver } from '../dispatch/handler.queues.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { QueuedRunWorker, type WorkResult } from './queued-run.worker.js';

/** Token of `QueueCore`. It is the same in each copy of the package. */
export const QUEUE_CORE_TOKEN = 'cr3dentials-webhook queues';

/** What the core offers to a module of queues. */
@Injectable()
export class QueueCore {
  constructor(
    readonly instrumentation: Instrumentation,
    private readonly queues: HandlerQueues,
    private readonly worker: QueuedRunWorker,
    private readonly repository: QueuedRunRepository,
    readonly clock: Clock,
    @Inject(PROCESSING_SETTINGS) private readonly settings: Pick<ProcessingSettings, 'enabled'>,
  ) {}

  /** True if this instance gives runs to queues: it processes deliveries. */
  get enqueues(): boolean {
    return this.settings.enabled;
  }

  /** Call it in `onModuleInit`. Undefined: handlers with a queue run here. */
  attach(driver: QueueDriver | undefined): void {
    this.queues.attach(driver);
  }

  /** Claims the run, runs its handler, and writes the outcome. Never rejects. */
  work(key: RunKey): Promise<WorkResult> {
    return this.worker.work(key);
  }

  /** Waits for the handlers until `drainTimeout`, and aborts the others. */
  drain(): Promise<void> {
    return this.worker.drain();
  }

  /** Makes deliveries due whose runs a queue was to run. Returns how many; undefined if the database failed. Never rejects. */
  async recover(): Promise<number | undefined> {
    try {
      return await this.repository.recover(this.clock.now());
    } catch (error) {
      const failure = { operation: 'enqueue', count: 1, error: toOccurrenceError(error) } as const;
      this.instrumentation.announce('database-unavailable', failure);
      return undefined;
    }
  }
}
