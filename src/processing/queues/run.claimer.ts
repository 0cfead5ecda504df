import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchWindow } from '../../concurrency/batch.window.js';
import { Clock } from '../../clock.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import { keyOfRun, type RunKey } from '../../inbox/handler-run.queries.js';
import type { ClaimedQueuedRun, RunClaim } from '../../inbox/queued-run.js';
import { QueuedRunRepository } from '../../inbox/queued-run.repository.js';
import { TelemetryHooks } from '../../instrumentation/telemetry.hooks.js';
import { RunLeases, type LeasedRun } from './run.leases.js';

const BATCH_WINDOW_MS = 5;
const MAX_ROWS = 100;
/**
 * Number of times that a run is tried that is due and was not claimed: somebody has locked its delivery, which takes a
 * moment most often, or it may crash this worker, which has such a run already.
 */
const LOCKED_TRIES = 3;
const LOCKED_DELAY_MS = 20;
/** Number of times in a lease that such a run is tried after that. */
const LOCKED_TRIES_PER_LEASE = 6;

/** A claimed run with its lease. */
export interface LeasedQueuedRun extends ClaimedQueuedRun {
  readonly leased: LeasedRun;
}

/** `not-due`: the run is not due, or has ended. `dead`: it is dead. `not-found`: it is not in the inbox. */
export type NotClaimed = 'not-due' | 'dead' | 'not-found';

interface Waiting {
  readonly claim: RunClaim;
  readonly resolve: (answer: LeasedQueuedRun | NotClaimed) => void;
  readonly reject: (error: unknown) => void;
}

/** Claims runs for workers of queues, gathered for a moment. */
@Injectable()
export class RunClaimer {
  private readonly window = new BatchWindow<Waiting>(BATCH_WINDOW_MS, MAX_ROWS, (batch) => this.claimAll(batch));

  constructor(
    private readonly repository: QueuedRunRepository,
    private readonly leases: RunLeases,
    private readonly clock: Clock,
    private readonly telemetry: TelemetryHooks,
  ) {}

  /** Rejects if the database did not answer. */
  claim({ deliveryId, handler }: RunKey): Promise<LeasedQueuedRun | NotClaimed> {
    const claim = { deliveryId, handler, claimId: this.leases.newClaimId() };
    return new Promise((resolve, reject) => this.window.add({ claim, resolve, reject }));
  }

  private async claimAll(batch: readonly Waiting[]): Promise<void> {
    try {
      const byRun = new Map(batch.map((waiting) => [keyOfRun(waiting.claim), waiting]));
      for (const waiting of batch) if (byRun.get(keyOfRun(waiting.claim)) !== waiting) waiting.resolve('not-due');
      let rest = [...byRun.values()];
      for (let tries = 1; rest.length > 0 && tries <= LOCKED_TRIES; tries++) {
        if (tries > 1) await sleep(LOCKED_DELAY_MS);
        rest = await this.claimDue(rest);
      }
      if (rest.length > 0) await this.postpone(rest);
    } catch (error) {
      for (const { reject } of batch) reject(error); // those that have their answer keep it
    }
  }

  /** Answers those that it has claimed, and those that cannot be claimed. Returns the others. */
  private async claimDue(batch: readonly Waiting[]): Promise<Waiting[]> {
    const [now, begunAt] = [this.clock.now(), performance.now()];
    const expiresAt = now + this.leases.duration;
    const claims = batch.map(({ claim }) => claim);
    const claimed = await this.repository.claim(claims, now, expiresAt, this.leases.hasPoisonSuspect);
    const deliveries = claimed.map(({ delivery }) => delivery);
    this.telemetry.batch('claim', deliveries, begunAt);
    const byRun = new Map(claimed.map((run) => [keyOfRun(run.claim), run]));
    for (const { claim, resolve } of batch) {
      const run = byRun.get(keyOfRun(claim));
      if (run) resolve({ ...run, leased: this.leases.add(run, expiresAt) });
    }
    return this.answerUnclaimed(batch.filter(({ claim }) => !byRun.has(keyOfRun(claim))));
  }

  /** A delivery waits no longer than for the run that could not be claimed: nobody else may tell of its end. */
  private async answerUnclaimed(batch: readonly Waiting[]): Promise<Waiting[]> {
    if (batch.length === 0) return [];
    const now = this.clock.now();
    const runs = await this.repository.find(batch.map(({ claim }) => claim));
    const byRun = new Map(runs.map((run) => [keyOfRun(run), run]));
    const isLocked = ({ claim }: Waiting) => isDue(byRun.get(keyOfRun(claim)), now);
    await this.repository.makeDueBy(new Map(runs.filter((run) => !isDue(run, now)).map((run) => dueTimeOf(run, now))));
    for (const waiting of batch) {
      if (isLocked(waiting)) continue;
      waiting.resolve(answerOf(byRun.get(keyOfRun(waiting.claim))));
    }
    return batch.filter(isLocked);
  }

  private async postpone(batch: readonly Waiting[]): Promise<void> {
    const dueAt = this.clock.now() + this.leases.duration / LOCKED_TRIES_PER_LEASE;
    await this.repository.makeDueBy(new Map(batch.map(({ claim }) => [claim.deliveryId, dueAt])));
    for (const { resolve } of batch) resolve('not-due');
  }
}

function isDue(run: HandlerRun | undefined, now: number): boolean {
  return run?.state === 'pending' && (run.nextAttemptAt ?? 0) <= now;
}

function answerOf(run: HandlerRun | undefined): NotClaimed {
  if (!run) return 'not-found';
  return run.state === 'dead' ? 'dead' : 'not-due';
}

function dueTimeOf({ deliveryId, state, nextAttemptAt }: HandlerRun, now: number): [string, number] {
  return [deliveryId, state === 'pending' ? (nextAttemptAt ?? now) : now];
}
