import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { Clock } from '../../clock.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import { HandlerRunRepository } from '../../inbox/handler-run.repository.js';
import { DatabaseConnection } from '../../database/database.connection.js';
import { DeliveryStateRepository } from '../../inbox/delivery-state.repository.js';
import { CompletionWriter } from './completion.writer.js';
import type { Outcome } from './delivery.dispatcher.js';
import type { Cancellation } from '../../concurrency/cancellation.js';
import { WorkerIdentity } from '../worker.identity.js';

const RETRY_DELAY_MS = 500;

/** Writes the outcome of processing, as long as this worker has the lease of the delivery. */
@Injectable()
export class DeliverySettler {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly repository: DeliveryStateRepository,
    private readonly runs: HandlerRunRepository,
    private readonly completions: CompletionWriter,
    private readonly identity: WorkerIdentity,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {}

  /** Resolves when the outcome is durable. Gives up when another worker has the lease, or may rescue the delivery. */
  async settle(id: string, outcome: Outcome, cancellation: Cancellation): Promise<void> {
    switch (outcome.outcome) {
      case 'completed':
      case 'unhandled':
        return this.completions.complete(id, outcome.outcome, () => !cancellation.isRequested);
      case 'untouched':
        return this.persist(cancellation, () => this.release([id]));
      case 'with-runs':
        return this.persist(cancellation, () => this.saveOutcome(id, outcome));
      default:
        return outcome satisfies never;
    }
  }

  release(ids: readonly string[]): Promise<void> {
    return this.repository.release(ids, this.identity.owner, this.clock.now());
  }

  private async saveOutcome(id: string, { next, runs }: Extract<Outcome, { outcome: 'with-runs' }>): Promise<void> {
    await this.connection.transaction(async (execute) => {
      if (await this.repository.settle(execute, id, this.identity.owner, next, this.clock.now()))
        await this.runs.save(execute, runs);
      else this.instrumentation.announce('superseded', { count: 1 });
    });
  }

  /** Writes at least once, and retries until the cancellation is requested. */
  private async persist(cancellation: Cancellation, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        const failure = { operation: 'settle', count: 1, error: formatDatabaseError(error) } as const;
        this.instrumentation.announce('database-unavailable', failure);
        if (cancellation.isRequested) return;
        await sleep(RETRY_DELAY_MS);
      }
    }
  }
}
