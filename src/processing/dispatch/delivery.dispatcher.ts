import { Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { ExtractedDataValidator } from '../../contract/extracted-data.validator.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { ClaimedDelivery } from '../../inbox/delivery.factory.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { errorName } from '../../instrumentation/single-line.js';
import { ContentsOpener, type Unreadable } from './contents.opener.js';
import { HandlerRunner, type HandlerExecution } from './handler.runner.js';
import { RunResults, type Executed } from './run.results.js';
import type { Cancellation } from '../../concurrency/cancellation.js';
import { verificationEvents } from '../handlers/verification.event.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';

/** Delay before the next attempt at a delivery whose stored body cannot be read. */
const UNREADABLE_RETRY_MS = 60_000;
/** Delay before the next claim of a delivery that waits for a handler which this instance does not have. */
const UNKNOWN_HANDLER_DELAY_MS = 30_000;

const NO_RUNS: ReadonlyMap<string, HandlerRun> = new Map();

/** Outcome of running the handlers of a delivery once. */
export type Outcome =
  /** Every handler has completed at its first attempt, so that no runs have to be saved. */
  | { outcome: 'completed' }
  /** No handler is subscribed to the status. */
  | { outcome: 'unhandled' }
  /** Every handler was interrupted by the cancellation, so that no runs have to be saved. */
  | { outcome: 'untouched' }
  /** The contents do not open, so that no handler has run. */
  | Unreadable
  | OutcomeWithRuns;

/** The next state and the runs have to be saved in one transaction. */
interface OutcomeWithRuns {
  outcome: 'with-runs';
  next: { nextAttemptAt: number } | 'completed' | 'dead';
  runs: HandlerRun[];
}

/** Runs the handlers of a delivery that are due and have not completed, all at the same time. */
@Injectable()
export class DeliveryDispatcher {
  constructor(
    private readonly handlers: VerificationHandlersRegistry,
    private readonly runner: HandlerRunner,
    private readonly results: RunResults,
    private readonly clock: Clock,
    private readonly dataValidator: ExtractedDataValidator,
    private readonly opener: ContentsOpener,
    private readonly instrumentation: Instrumentation,
  ) {}

  /**
   * Resolves to the outcome, and never rejects. An error outside the handlers makes the delivery due again after a
   * minute.
   */
  async dispatch(
    delivery: ClaimedDelivery,
    previousRuns: readonly HandlerRun[],
    cancellation: Cancellation,
  ): Promise<Outcome> {
    try {
      const opening = delivery.isOpen ? delivery : this.opener.open(delivery);
      const opened = opening instanceof Promise ? await opening : opening;
      return 'outcome' in opened ? opened : await this.runHandlers(opened, previousRuns, cancellation);
    } catch (error) {
      const failure = { deliveryId: delivery.id, nextIn: UNREADABLE_RETRY_MS, error: errorName(error) };
      this.instrumentation.announce('dispatch-failed', failure);
      return { outcome: 'with-runs', next: { nextAttemptAt: this.clock.now() + UNREADABLE_RETRY_MS }, runs: [] };
    }
  }

  private async runHandlers(
    delivery: ClaimedDelivery,
    previousRuns: readonly HandlerRun[],
    cancellation: Cancellation,
  ): Promise<Outcome> {
    const handlers = this.handlers.for(delivery.status);
    if (handlers.length === 0 && previousRuns.length === 0) return { outcome: 'unhandled' };
    const before = previousRuns.length > 0 ? new Map(previousRuns.map((run) => [run.handler, run])) : NO_RUNS;
    const due = this.dueOf(handlers, before, delivery.onlyNamedHandlers === 1);
    const executions = await this.runAll(delivery, due, before, cancellation);
    if (before.size === 0 && executions.every(({ result }) => result.ended === 'completed')) {
      for (const executed of executions) this.results.announce(delivery.id, executed, 'completed');
      return { outcome: 'completed' };
    }
    if (cancellation.isRequested && executions.every(hasNoResult))
      return this.interrupted(delivery, before, executions);
    const after = new Map(before);
    for (const executed of executions) {
      const { id } = executed.handler;
      after.set(id, this.results.toHandlerRun(delivery, executed, before.get(id)));
    }
    const outcome = outcomeOf([...after.values()], (run) => this.dueAt(run, handlers));
    return withoutLocked(outcome, executions);
  }

  private dueOf(
    handlers: readonly VerificationHandler[],
    before: ReadonlyMap<string, HandlerRun>,
    isOnlyNamed: boolean,
  ): readonly VerificationHandler[] {
    if (before.size === 0) return isOnlyNamed ? [] : handlers;
    const now = this.clock.now();
    return handlers.filter(({ id }) => isDue(before.get(id), now, isOnlyNamed));
  }

  /** All events are made before the first handler runs. Making one may fail. */
  private runAll(
    delivery: ClaimedDelivery,
    handlers: readonly VerificationHandler[],
    before: ReadonlyMap<string, HandlerRun>,
    cancellation: Cancellation,
  ): Promise<Executed[]> {
    const nextEvent = verificationEvents(delivery, this.dataValidator);
    const executions = handlers.map((handler) => ({
      deliveryId: delivery.id,
      handler,
      event: nextEvent(),
      attempt: (before.get(handler.id)?.attempts ?? 0) + 1,
      isReplay: delivery.replays > 0,
      cancellation,
    }));
    return Promise.all(executions.map((execution) => this.execute(execution)));
  }

  private async execute(execution: HandlerExecution): Promise<Executed> {
    const { handler, event, attempt } = execution;
    return { handler, event, attempt, result: await this.runner.run(execution) };
  }

  /**
   * Returns an outcome whose runs are due at once, with no attempt used up. Another version of the app may be next,
   * without some of these handlers: their runs say that the delivery waits for them.
   */
  private interrupted(
    { id: deliveryId }: ClaimedDelivery,
    before: ReadonlyMap<string, HandlerRun>,
    executions: readonly { handler: VerificationHandler; attempt: number }[],
  ): Outcome {
    if (executions.length === 0) return { outcome: 'untouched' };
    const now = this.clock.now();
    const fresh = { deliveryId, state: 'pending', nextAttemptAt: null, lastError: null, updatedAt: now } as const;
    const runs = new Map(before);
    for (const { handler, attempt } of executions)
      runs.set(handler.id, { ...fresh, handler: handler.id, attempts: attempt - 1 });
    return { outcome: 'with-runs', next: { nextAttemptAt: now }, runs: [...runs.values()] };
  }

  /**
   * Returns the time when an unfinished run is due. A run of an unknown handler is postponed, so that another instance
   * can claim it.
   */
  private dueAt({ deliveryId, handler, nextAttemptAt }: HandlerRun, handlers: readonly VerificationHandler[]): number {
    const dueAt = nextAttemptAt ?? 0;
    if (handlers.some(({ id }) => id === handler)) return dueAt;
    const now = this.clock.now();
    if (dueAt > now) return dueAt;
    this.instrumentation.announce('handler-unknown', { handler, deliveryId });
    return now + UNKNOWN_HANDLER_DELAY_MS;
  }
}

function isDue(run: HandlerRun | undefined, now: number, isOnlyNamed: boolean): boolean {
  if (run === undefined) return !isOnlyNamed;
  return run.state === 'pending' && (run.nextAttemptAt ?? 0) <= now;
}

/** Tells whether nothing is to be written about a run once its delivery is cancelled. */
function hasNoResult({ result: { ended } }: Executed): boolean {
  return ended === 'interrupted' || ended === 'held-back';
}

/** Leaves out the runs that another worker has. Saving them would wait for it. */
function withoutLocked(outcome: OutcomeWithRuns, executions: readonly Executed[]): Outcome {
  const locked = executions.filter(({ result }) => 'isLocked' in result && result.isLocked);
  const ids = new Set(locked.map(({ handler }) => handler.id));
  return { ...outcome, runs: outcome.runs.filter(({ handler }) => !ids.has(handler)) };
}

/** Returns the outcome of all runs of a delivery, including those of handlers that this instance does not have. */
function outcomeOf(runs: HandlerRun[], dueAt: (run: HandlerRun) => number): OutcomeWithRuns {
  const waiting = runs.filter(({ state }) => state === 'pending').map(dueAt);
  if (waiting.length > 0) return { outcome: 'with-runs', next: { nextAttemptAt: Math.min(...waiting) }, runs };
  return { outcome: 'with-runs', next: runs.some(({ state }) => state === 'dead') ? 'dead' : 'completed', runs };
}
