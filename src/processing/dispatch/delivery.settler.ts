import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { Clock } from '../../clock.js';
import { toOccurrenceError } from '../../database/database.errors.js';
import { ClaimRepository } from '../../inbox/claim.repository.js';
import { DeliveryStateRepository } from '../../inbox/delivery-state.repository.js';
import { TombstoneRepository } from '../../inbox/tombstone.repository.js';
import { CompletionWriter } from './completion.writer.js';
import type { Unreadable } from './contents.opener.js';
import type { Outcome } from './delivery.outcome.js';
import type { Cancellation } from '../../concurrency/cancellation.js';
import type { ClaimKey } from '../../inbox/claimed-delivery.js';
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
    private readonly tombstones: TombstoneRepository,
    private readonly completions: CompletionWriter,
    private readonly outcomes: OutcomeWriter,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {}

  /**
   * Resolves to true when the outcome is durable. Resolves to false when another worker has the lease, or may rescue
   * the delivery.
   */
  async settle(claim: HeldClaim, outcome: Outcome, cancellation: Cancellation): Promise<boolean> {
    switch (outcome.outcome) {
      case 'completed':
      case 'unhandled':
        return this.completions.complete(claim, outcome.outcome);
      case 'untouched':
        return this.persist(cancellation, async () => (await this.release([claim])).has(claim.id));
      case 'unreadable':
        return this.persist(cancellation, () => this.settleUnreadable(claim, outcome.next));
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
    claim: HeldClaim,
    { next, runs, expected, enqueued, attempts }: Extract<Outcome, { outcome: 'with-runs' }>,
  ): Promise<boolean> {
    const isSettled = await this.outcomes.settle({ claim, outcome: next, runs, expected, enqueued, attempts });
    if (isSettled) return true;
    const isErased = (await this.tombstones.count([claim.id]).catch(() => 0)) > 0; // it is only for a log line
    this.instrumentation.announce(isErased ? 'outcome-erased' : 'outcome-late', { count: 1 });
    return false;
  }

  private settleUnreadable(claim: ClaimKey, next: Unreadable['next']): Promise<boolean> {
    const now = this.clock.now();
    if (next === 'erased') return this.tombstones.eraseShredded(claim, now);
    return this.states.settleUnreadable(claim, next, now);
  }

  /** Writes at least once, and retries until the cancellation is requested. */
  private async persist(cancellation: Cancellation, write: () => Promise<boolean>): Promise<boolean> {
    for (let tries = 0; ; tries++) {
      try {
        return await write();
      } catch (error) {
        const failure = { operation: 'settle', count: 1, error: toOccurrenceError(error) } as const;
        this.instrumentation.announce('database-unavailable', failure);
        if (cancellation.isRequested) return false;
        await sleep(RETRY_DELAY_MS * 2 ** Math.min(tries, MAX_DOUBLINGS));
      }
    }
  }
}
