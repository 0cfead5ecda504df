import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../../instrumentation/telemetry.hooks.js';
import { Clock } from '../../clock.js';
import { BatchWindow } from '../../concurrency/batch.window.js';
import { toOccurrenceError } from '../../database/database.errors.js';
import { DeliveryStateRepository } from '../../inbox/delivery-state.repository.js';
import { TombstoneRepository } from '../../inbox/tombstone.repository.js';
import type { HeldClaim } from './held-claim.js';

const BATCH_WINDOW_MS = 10;
const RETRY_DELAY_MS = 500;
const MAX_ROWS = 1_000;

type FinalState = 'completed' | 'unhandled';

interface Completion {
  readonly claim: HeldClaim;
  readonly state: FinalState;
  readonly done: (isDurable: boolean) => void;
}

/** Collects the completions of deliveries for 10 ms and writes them in one batch. */
@Injectable()
export class CompletionWriter {
  private readonly window = new BatchWindow<Completion>(BATCH_WINDOW_MS, MAX_ROWS, (batch) => this.write(batch));

  constructor(
    private readonly repository: DeliveryStateRepository,
    private readonly tombstones: TombstoneRepository,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
  ) {}

  /**
   * Resolves to true when the state is durable, and to false when another worker has the lease. Failed writes are
   * retried. When some of a batch came too late, it is not known which, and all resolve to false.
   */
  complete(claim: HeldClaim, state: FinalState): Promise<boolean> {
    return new Promise((done) => this.window.add({ claim, state, done }));
  }

  private async write(batch: readonly Completion[]): Promise<void> {
    // Written beside a later claim of the same delivery, the earlier one would end it.
    for (const { done } of batch.filter(({ claim }) => claim.isReplaced)) done(false);
    const current = batch.filter(({ claim }) => !claim.isReplaced);
    for (const state of ['completed', 'unhandled'] as const)
      await this.completeOrRetry(
        current.filter((completion) => completion.state === state),
        state,
      );
  }

  private async completeOrRetry(completions: readonly Completion[], state: FinalState): Promise<void> {
    if (completions.length === 0) return;
    const claims = completions.map(({ claim }) => claim);
    const begunAt = performance.now();
    try {
      await this.completeAll(completions, claims, state);
      this.telemetry.batch('settle', claims, begunAt);
    } catch (cause) {
      const error = toOccurrenceError(cause);
      this.telemetry.batch('settle', claims, begunAt, error);
      this.instrumentation.announce('database-unavailable', { operation: 'complete', count: claims.length, error });
      await this.retryLater(completions);
    }
  }

  private async completeAll(
    completions: readonly Completion[],
    claims: readonly HeldClaim[],
    state: FinalState,
  ): Promise<void> {
    const { written, locked } = await this.repository.complete(claims, state, this.clock.now());
    const late = completions.length - written - locked.size;
    if (late > 0) await this.announceLate(claims, late);
    // Not awaited: a row that somebody has locked does not hold up the others.
    if (locked.size > 0) void this.retryLater(completions.filter(({ claim }) => locked.has(claim.id)));
    for (const { claim, done } of completions) if (!locked.has(claim.id)) done(late === 0);
  }

  /** @param late how many of the claims are no longer held */
  private async announceLate(claims: readonly HeldClaim[], late: number): Promise<void> {
    const ids = claims.map(({ id }) => id);
    const erased = Math.min(late, await this.tombstones.count(ids).catch(() => 0)); // it is only for a log line
    if (erased > 0) this.instrumentation.announce('outcome-erased', { count: erased });
    if (late > erased) this.instrumentation.announce('outcome-late', { count: late - erased });
  }

  private async retryLater(completions: readonly Completion[]): Promise<void> {
    await sleep(RETRY_DELAY_MS);
    for (const completion of completions) {
      if (completion.claim.isHeld) this.window.add(completion);
      else completion.done(false);
    }
  }
}
