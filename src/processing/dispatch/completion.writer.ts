import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { Clock } from '../../clock.js';
import { BatchWindow } from '../../concurrency/batch.window.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import { DeliveryStateRepository } from '../../inbox/delivery-state.repository.js';
import type { HeldClaim } from './held-claim.js';

const BATCH_WINDOW_MS = 10;
const RETRY_DELAY_MS = 500;
const MAX_ROWS = 1_000;

type FinalState = 'completed' | 'unhandled';

interface Completion {
  readonly claim: HeldClaim;
  readonly state: FinalState;
  readonly done: () => void;
}

/** Collects the completions of deliveries for 10 ms and writes them in one batch. */
@Injectable()
export class CompletionWriter {
  private readonly window = new BatchWindow<Completion>(BATCH_WINDOW_MS, MAX_ROWS, (batch) => this.write(batch));

  constructor(
    private readonly repository: DeliveryStateRepository,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {}

  /** Resolves when the state is durable, or when another worker has the lease. Failed writes are retried. */
  complete(claim: HeldClaim, state: FinalState): Promise<void> {
    return new Promise((done) => this.window.add({ claim, state, done }));
  }

  private async write(batch: readonly Completion[]): Promise<void> {
    // Written beside a later claim of the same delivery, the earlier one would end it.
    for (const { done } of batch.filter(({ claim }) => claim.isReplaced)) done();
    const current = batch.filter(({ claim }) => !claim.isReplaced);
    for (const state of ['completed', 'unhandled'] as const)
      await this.completeOrRetry(
        current.filter((completion) => completion.state === state),
        state,
      );
  }

  private async completeOrRetry(completions: readonly Completion[], state: FinalState): Promise<void> {
    if (completions.length === 0) return;
    try {
      await this.completeAll(completions, state);
    } catch (error) {
      const failure = { operation: 'complete', count: completions.length, error: formatDatabaseError(error) } as const;
      this.instrumentation.announce('database-unavailable', failure);
      await this.retryLater(completions);
    }
  }

  private async completeAll(completions: readonly Completion[], state: FinalState): Promise<void> {
    const claims = completions.map(({ claim }) => claim);
    const { written, locked } = await this.repository.complete(claims, state, this.clock.now());
    if (written > 0) this.instrumentation.announce('completed', { count: written, state });
    const late = completions.length - written - locked.size;
    if (late > 0) this.instrumentation.announce('superseded', { count: late });
    // Not awaited: a row that somebody has locked does not hold up the others.
    if (locked.size > 0) void this.retryLater(completions.filter(({ claim }) => locked.has(claim.id)));
    for (const { claim, done } of completions) if (!locked.has(claim.id)) done();
  }

  private async retryLater(completions: readonly Completion[]): Promise<void> {
    await sleep(RETRY_DELAY_MS);
    for (const completion of completions) {
      if (completion.claim.isHeld) this.window.add(completion);
      else completion.done();
    }
  }
}
