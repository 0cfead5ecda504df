import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../../clock.js';
import { waitAtMost } from '../../concurrency/with-timeout.js';
import { ExtractedDataValidator } from '../../contract/extracted-data.validator.js';
import { toOccurrenceError } from '../../database/database.errors.js';
import type { ClaimedDelivery } from '../../inbox/claimed-delivery.js';
import type { NewAttempt } from '../../inbox/attempt.repository.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import { MAX_CRASHES } from '../../inbox/rescue.repository.js';
import type { RunKey } from '../../inbox/handler-run.queries.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { errorClass, errorName } from '../../instrumentation/single-line.js';
import { ContentsOpener } from '../dispatch/contents.opener.js';
import { DISPATCH_RETRY_MS } from '../dispatch/delivery.dispatcher.js';
import { hasNoResult, HandlerRunner } from '../dispatch/handler.runner.js';
import { keptAttempt } from '../dispatch/kept.attempt.js';
import { AttemptEvaluator, type EndedAttempt } from '../dispatch/attempt.evaluator.js';
import { AttemptObserver } from '../dispatch/attempt.observer.js';
import { ProgressAnnouncer } from '../dispatch/progress.announcer.js';
import { verificationEvents } from '../handlers/verification.event.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { ShutdownState } from '../shutdown.state.js';
import { WorkerIdentity } from '../worker.identity.js';
import { RunClaimer, type LeasedQueuedRun } from './run.claimer.js';
import { RunLeases } from './run.leases.js';
import { RunOutcomeWriter } from './run-outcome.writer.js';

const CLAIM_RETRY_MS = 500;
/** Time that a shutdown waits for the last writes after the handlers have ended. */
const FLUSH_TIMEOUT_MS = 5_000;

/**
 * How a job has ended. `done`: whatever the outcome is, it is written. `not-due`: the run was not due, so nothing was
 * done. `not-found`: it is not in this inbox. `dead`: the run is dead, by this attempt or before; `error`: class of the
 * error, if it was by this one.
 */
export type WorkResult =
  { readonly ended: 'done' | 'not-due' | 'not-found' } | { readonly ended: 'dead'; readonly error: string | undefined };

/** Runs the handlers of runs that a queue has given to this instance. */
@Injectable()
export class QueuedRunWorker {
  readonly #working = new Set<Promise<WorkResult>>();

  constructor(
    private readonly handlers: VerificationHandlersRegistry,
    private readonly claimer: RunClaimer,
    private readonly leases: RunLeases,
    private readonly outcomes: RunOutcomeWriter,
    private readonly opener: ContentsOpener,
    private readonly dataValidator: ExtractedDataValidator,
    private readonly runner: HandlerRunner,
    private readonly evaluator: AttemptEvaluator,
    private readonly observer: AttemptObserver,
    private readonly progress: ProgressAnnouncer,
    private readonly shutdown: ShutdownState,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly identity: WorkerIdentity,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {}

  /** Claims the run, runs its handler, and writes the outcome. Never rejects. */
  async work(key: RunKey): Promise<WorkResult> {
    const working = this.claimAndRun(key);
    this.#working.add(working);
    return working.finally(() => this.#working.delete(working));
  }

  /** Waits for the handlers until `drainTimeout`. Aborts the others, and gives back what comes after that. */
  async drain(): Promise<void> {
    await waitAtMost(this.settled(), this.settings.drainTimeout);
    this.leases.cancelAll(new Error('The app is shutting down.'));
    await waitAtMost(this.settled(), FLUSH_TIMEOUT_MS);
  }

  /** Resolves when nothing runs, also of what has begun meanwhile. */
  private async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  private async claimAndRun(key: RunKey): Promise<WorkResult> {
    const handler = this.handlers.all.find(({ id, isRemote }) => id === key.handler && !isRemote);
    if (!handler) {
      this.instrumentation.announce('queue-handler-unknown', { handler: key.handler });
      return { ended: 'not-due' };
    }
    const claimed = await this.claim(key);
    if (claimed === 'not-due' || claimed === 'not-found') return { ended: claimed };
    if (claimed === 'dead') return { ended: 'dead', error: undefined };
    const { claim, leased } = claimed;
    try {
      const { run, error, isCommitted = false, attempt } = await this.run(handler, claimed);
      const { traceContext } = claimed.delivery;
      await this.outcomes.finish({ claim, run, isCommitted, attempt, traceContext }, leased.cancellation);
      return run.state === 'dead' ? { ended: 'dead', error } : { ended: 'done' };
    } finally {
      this.leases.remove(leased);
    }
  }

  /** Waits for the database, as long as this instance runs: the queue would not give the run again. */
  private async claim(key: RunKey): ReturnType<RunClaimer['claim']> {
    for (;;) {
      try {
        return await this.claimer.claim(key);
      } catch (error) {
        const failure = { operation: 'claim', count: 1, error: toOccurrenceError(error) } as const;
        this.instrumentation.announce('database-unavailable', failure);
        if (this.shutdown.hasBegun) return 'not-due';
        await sleep(CLAIM_RETRY_MS);
      }
    }
  }

  private async run(handler: VerificationHandler, claimed: LeasedQueuedRun): Promise<Ended> {
    const { delivery, rescues } = claimed;
    if (rescues >= MAX_CRASHES) {
      this.instrumentation.announce('run-poisoned', { deliveryId: delivery.id, handler: handler.id });
      return { run: this.later(claimed, 0, 'dead'), error: 'crash-loop' };
    }
    if (claimed.leased.cancellation.isRequested) return { run: this.later(claimed, 0) };
    try {
      const opened = await this.opener.open(delivery);
      if ('outcome' in opened) return { run: this.later(claimed, DISPATCH_RETRY_MS) };
      return await this.execute(handler, claimed, opened);
    } catch (error) {
      const failure = { deliveryId: delivery.id, nextIn: DISPATCH_RETRY_MS, error: errorName(error) };
      this.instrumentation.announce('dispatch-failed', failure);
      return { run: this.later(claimed, DISPATCH_RETRY_MS) };
    }
  }

  private async execute(
    handler: VerificationHandler,
    claimed: LeasedQueuedRun,
    opened: ClaimedDelivery,
  ): Promise<Ended> {
    const { claim, leased, run } = claimed;
    const { cancellation } = leased;
    const event = verificationEvents(opened, this.dataValidator)();
    const attempt = run.attempts + 1;
    const origin = { source: 'queue', previousRuns: [run] } as const;
    this.progress.begun({ delivery: opened, origin });
    const observed = this.observer.observe(opened, origin, handler, attempt);
    const execution = { deliveryId: opened.id, handler, event, attempt, observed, replays: opened.replays };
    const place = { isStored: true, cancellation, slot: { leave() {} }, claimId: claim.claimId };
    const startedAt = this.clock.now();
    const result = await this.runner.run({ ...execution, ...place });
    const executed: EndedAttempt = { handler, event, attempt, observed, result, startedAt, endedAt: this.clock.now() };
    const { isEvaluated, ...ended } = this.endOf(executed, claimed, opened);
    const error = isEvaluated ? ended.run.lastError : this.evaluator.errorOf(opened, executed);
    const facts = { deliveryId: opened.id, before: run, state: ended.run.state, error, instance: this.identity.id };
    return { ...ended, attempt: keptAttempt(executed, { ...facts, passes: (run.claims ?? 0) + 1 }) };
  }

  private endOf(executed: EndedAttempt, claimed: LeasedQueuedRun, opened: ClaimedDelivery): Judged {
    const { run, leased } = claimed;
    const { handler, result, observed } = executed;
    if (result.ended === 'completed') {
      this.evaluator.announce(opened.id, executed, { outcome: 'completed' });
      return { run: { ...run, state: 'completed' }, isCommitted: handler.transactional, isEvaluated: false };
    }
    if (leased.cancellation.isRequested && hasNoResult(result)) {
      observed?.end({ outcome: 'interrupted' });
      return { run: this.later(claimed, 0), isEvaluated: false };
    }
    const evaluated = this.evaluator.evaluate(opened, executed, run);
    return { run: evaluated, error: 'error' in result ? errorClass(result.error) : undefined, isEvaluated: true };
  }

  /** Returns the run as it was, with no attempt used up, for this many milliseconds later. */
  private later({ run }: LeasedQueuedRun, milliseconds: number, state: HandlerRun['state'] = 'pending'): HandlerRun {
    return { ...run, state, nextAttemptAt: state === 'dead' ? null : this.clock.now() + milliseconds };
  }
}

interface Ended {
  readonly run: HandlerRun;
  readonly error?: string | undefined;
  readonly isCommitted?: boolean;
  readonly attempt?: NewAttempt | undefined;
}

interface Judged extends Ended {
  /** True if the run has the error of this attempt. */
  readonly isEvaluated: boolean;
}
