import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { Clock } from '../../clock.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import { DeliveryStateRepository } from '../../inbox/delivery-state.repository.js';
import { WorkerIdentity } from '../worker.identity.js';

const BATCH_WINDOW_MS = 10;
const RETRY_DELAY_MS = 500;
const MAX_ROWS = 1_000;

type FinalState = 'completed' | 'unhandled';

interface Completion {
  readonly id: string;
  readonly state: FinalState;
  readonly isStillClaimed: () => boolean;
  readonly done: () => void;
}

/** Collects the completions of deliveries for 10 ms and writes them in one batch. */
@Injectable()
export class CompletionWriter {
  private waiting: Completion[] = [];
  private flushing?: Promise<void>;

  constructor(
    private readonly repository: DeliveryStateRepository,
    private readonly identity: WorkerIdentity,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {}

  /** Resolves when the state is durable, or when another worker has the lease. Failed writes are retried. */
  complete(id: string, state: FinalState, isStillClaimed: () => boolean): Promise<void> {
    return new Promise((done) => {
      this.waiting.push({ id, state, isStillClaimed, done });
      this.flushing ??= this.flush().finally(() => {
        this.flushing = undefined;
      });
    });
  }

  private async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      await sleep(BATCH_WINDOW_MS);
      const batch = this.waiting.splice(0, MAX_ROWS);
      try {
        await this.completeAll(batch, 'completed');
        await this.completeAll(batch, 'unhandled');
        for (const { done } of batch) done();
      } catch (error) {
        const failure = { operation: 'complete', count: batch.length, error: formatDatabaseError(error) } as const;
        this.instrumentation.announce('database-unavailable', failure);
        await sleep(RETRY_DELAY_MS);
        for (const completion of batch) {
          if (completion.isStillClaimed()) this.waiting.push(completion);
          else completion.done();
        }
      }
    }
  }

  private async completeAll(batch: readonly Completion[], state: FinalState): Promise<void> {
    const ids = batch.filter((completion) => completion.state === state).map(({ id }) => id);
    if (ids.length === 0) return;
    const written = await this.repository.complete(ids, this.identity.owner, state, this.clock.now());
    if (written > 0) this.instrumentation.announce('completed', { count: written, state });
    if (written < ids.length) this.instrumentation.announce('superseded', { count: ids.length - written });
  }
}
