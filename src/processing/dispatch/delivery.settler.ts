import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { Clock } from '../../clock.js';
import { formatDatabaseError } from '../../database/database.errors.js';
import { ClaimRepository } from '../../inbox/claim.repository.js';
import { DeliveryStateRepository } from '../../inbox/delivery-state.repository.js';
import { CompletionWriter } from './completion.writer.js';
import type { Outcome } from './delivery.dispatcher.js';
import type { Cancellation } from '../../concurrency/cancellation.js';
import type { ClaimKey } from '../../inbox/delivery.factory.js';
import type { HeldClaim } from './held-claim.js';
import { OutcomeWriter } from './outcome.writer.js';

const RETRY_DELAY_MS = 500;
/** Number of times that the delay doubles, for a row that stays locked. */
const MAX_DOUBLINGS = 4;

/** Writes the outcome of processing, as long as this worker has the lease of the delivery. */
@Injectable()
export class DeliverySettler {
  constructor(
    private readonly claims: ClaimRepository,
    private readonly states: DeliveryStateRepository,
    private readonly completions: CompletionWriter,
    private readonly outcomes: OutcomeWriter,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {}

  /** Resolves when the outcome is durable. Gives up when another worker has the lease, or may rescue the delivery. */
  async settle(claim: HeldClaim, outcome: Outcome, cancellation: Cancellation): Promise<void> {
    switch (outcome.outcome) {
      case 'completed':
      case 'unhandled':
        return this.completions.complete(claim, outcome.outcome);
      case 'untouched':
        return this.persist(cancellation, () => this.release([claim]));
      case 'unreadable':
        return this.persist(cancellation, () => this.states.setAside(claim, outcome.next, this.clock.now()));
      case 'with-runs':
        return this.persist(cancellation, () => this.saveOutcome(claim, outcome));
      default:
        return outcome satisfies never;
    }
  }

  /** Returns claims that have not been processed. Resolves to the ids of those that this worker still held. */
  release(claims: readonly ClaimKey[]): Promise<Set<string>> {
    return this.claims.release(claims, this.clock.now());
  }

  private async saveOutcome(
    claim: ClaimKey,
    { next, runs }: Extract<Outcome, { outcome: 'with-runs' }>,
  ): Promise<void> {
    const isSettled = await this.outcomes.settle({ claim, outcome: next, runs });
    if (!isSettled) this.instrumentation.announce('superseded', { count: 1 });
  }

  /** Writes at least once, and retries until the cancellation is requested. */
  private async persist(cancellation: Cancellation, write: () => Promise<unknown>): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await write();
        return;
      } catch (error) {
        const failure = { operation: 'settle', count: 1, error: formatDatabaseError(error) } as const;
        this.instrumentation.announce('database-unavailable', failure);
        if (cancellation.isRequested) return;
        await sleep(RETRY_DELAY_MS * 2 ** Math.min(tries, MAX_DOUBLINGS));
      }
    }
  }
}
