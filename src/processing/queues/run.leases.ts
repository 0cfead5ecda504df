import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { Cancellation } from '../../concurrency/cancellation.js';
import { withTimeout } from '../../concurrency/with-timeout.js';
import { DatabaseTimeoutError, toOccurrenceError } from '../../database/database.errors.js';
import { isPoisonSuspect } from '../../inbox/claimed-delivery.js';
import type { ClaimedQueuedRun, RunClaim } from '../../inbox/queued-run.js';
import { QueuedRunRepository } from '../../inbox/queued-run.repository.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { WorkerIdentity } from '../worker.identity.js';

/** A run that a queue has given to this instance, with its lease. */
export interface LeasedRun {
  readonly claim: RunClaim;
  /** Epoch milliseconds. */
  expiresAt: number;
  /** Requested when the lease is lost, or this instance stops. */
  readonly cancellation: Cancellation;
  /** True if it may be what crashes workers. */
  readonly isSuspect: boolean;
}

/**
 * Renews the leases of runs that a queue has given to this instance. A run whose lease cannot be renewed in time is
 * cancelled before another worker may claim it.
 */
@Injectable()
export class RunLeases {
  readonly duration: number;
  readonly #leased = new Set<LeasedRun>();
  #claims = 0;
  #endReason: Error | undefined;
  #timer?: NodeJS.Timeout | undefined;
  #isRenewing = false;

  constructor(
    private readonly repository: QueuedRunRepository,
    private readonly identity: WorkerIdentity,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) { lease }: Pick<ProcessingSettings, 'lease'>,
  ) {
    this.duration = lease;
  }

  /** Returns an id for one more claim. */
  newClaimId(): string {
    return `${this.identity.id}:q${(++this.#claims).toString(36)}`;
  }

  /** Keeps the lease of a claimed run until `remove()`. */
  add({ claim, rescues }: ClaimedQueuedRun, expiresAt: number): LeasedRun {
    const leased = { claim, expiresAt, cancellation: new Cancellation(), isSuspect: isPoisonSuspect(rescues) };
    this.#leased.add(leased);
    if (this.#endReason) leased.cancellation.cancel(this.#endReason);
    if (!this.#timer && !this.#isRenewing) this.#renewIn(this.duration / 3); // else there is a next one
    return leased;
  }

  /** True while one of them may be what crashes workers. */
  get hasPoisonSuspect(): boolean {
    return [...this.#leased].some(({ isSuspect }) => isSuspect);
  }

  remove(leased: LeasedRun): void {
    this.#leased.delete(leased);
    if (this.#leased.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Also those of runs that are claimed from now on. */
  cancelAll(reason: Error): void {
    this.#endReason = reason;
    for (const { cancellation } of this.#leased) cancellation.cancel(reason);
  }

  #renewIn(milliseconds: number): void {
    this.#timer = setTimeout(() => void this.#renew(), milliseconds);
  }

  async #renew(): Promise<void> {
    this.#timer = undefined;
    this.#isRenewing = true;
    const nextIn = await this.#renewNow();
    this.#isRenewing = false;
    if (this.#leased.size > 0) this.#renewIn(nextIn);
  }

  /** Returns the time until the next renewal, in milliseconds. */
  async #renewNow(): Promise<number> {
    const timeout = this.duration / 6;
    let nextIn = this.duration / 3;
    const leased = [...this.#leased];
    const expiresAt = this.clock.now() + this.duration;
    try {
      const claims = leased.map(({ claim }) => claim);
      const held = await withTimeout(
        this.repository.renew(claims, expiresAt),
        timeout,
        () => new DatabaseTimeoutError(timeout),
      );
      for (const run of leased) {
        if (held.has(run.claim.claimId)) run.expiresAt = expiresAt;
        else this.#lose([run], 'rescued');
      }
    } catch (error) {
      const failure = { operation: 'renew', count: leased.length, error: toOccurrenceError(error) } as const;
      this.instrumentation.announce('database-unavailable', failure);
      nextIn = this.duration / 10;
    }
    const nextAnswerAt = this.clock.now() + nextIn + timeout;
    this.#lose(
      leased.filter((run) => run.expiresAt <= nextAnswerAt),
      'not-renewed',
    );
    return nextIn;
  }

  #lose(runs: readonly LeasedRun[], why: 'rescued' | 'not-renewed'): void {
    const lost = runs.filter((run) => this.#leased.delete(run));
    if (lost.length === 0) return;
    for (const { cancellation } of lost)
      cancellation.cancel(new Error('The lease was lost: another worker may have the run.'));
    this.instrumentation.announce('lease-lost', { count: lost.length, of: 'runs', why });
  }
}
