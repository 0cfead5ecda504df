import { Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { ExtractedDataValidator } from '../../contract/extracted-data.validator.js';
import type { NewAttempt } from '../../inbox/attempt.repository.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { ClaimedDelivery } from '../../inbox/claimed-delivery.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { errorName } from '../../instrumentation/single-line.js';
import { WorkerIdentity } from '../worker.identity.js';
import { ContentsOpener } from './contents.opener.js';
import { nextOf, toSave, type Outcome, type OutcomeWithRuns } from './delivery.outcome.js';
import { HandlerRunner, hasNoResult, type HandlerExecution } from './handler.runner.js';
import type { ClaimOrigin } from './claim.origin.js';
import { keptAttempt } from './kept.attempt.js';
import { RunEnqueuer, type EnqueueResult } from './run.enqueuer.js';
import { AttemptObserver } from './attempt.observer.js';
import type { DeliverySlot } from './limited.handlers.js';
import { AttemptEvaluator, type EndedAttempt } from './attempt.evaluator.js';
import type { Cancellation } from '../../concurrency/cancellation.js';
import { verificationEvents } from '../handlers/verification.event.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { VerificationHandlersRegistry } from '../handlers/verification-handlers.registry.js';

/** Delay before the next attempt at a delivery that could not be dispatched. */
export const DISPATCH_RETRY_MS = 60_000;
/** Delay before the next claim of a delivery that waits for a handler which this instance does not have. */
const UNKNOWN_HANDLER_DELAY_MS = 30_000;

const NO_RUNS: ReadonlyMap<string, HandlerRun> = new Map();

/** Where a delivery is processed, and until when. */
type Place = Pick<HandlerExecution, 'cancellation' | 'slot'>;

/** One attempt of one handler. `run`: what is to be saved of it, if that is decided. */
type Concluded = EndedAttempt & { readonly run?: HandlerRun };

/** One pass over the handlers of a delivery. `elsewhere`: those that a queue runs, and that were due. */
interface Pass {
  readonly handlers: readonly VerificationHandler[];
  readonly before: ReadonlyMap<string, HandlerRun>;
  readonly elsewhere: readonly VerificationHandler[];
  readonly executions: readonly Concluded[];
  readonly enqueueResult: EnqueueResult | undefined;
  readonly isInterrupted: boolean;
}

/** Runs the handlers of a delivery that are due and have not completed, all at the same time. */
@Injectable()
export class DeliveryDispatcher {
  constructor(
    private readonly handlers: VerificationHandlersRegistry,
    private readonly runner: HandlerRunner,
    private readonly evaluator: AttemptEvaluator,
    private readonly clock: Clock,
    private readonly dataValidator: ExtractedDataValidator,
    private readonly opener: ContentsOpener,
    private readonly observer: AttemptObserver,
    private readonly enqueuer: RunEnqueuer,
    private readonly instrumentation: Instrumentation,
    private readonly identity: WorkerIdentity,
  ) {}

  /**
   * Resolves to the outcome, and never rejects. An error outside the handlers makes the delivery due again after a
   * minute.
   */
  async dispatch(
    delivery: ClaimedDelivery,
    origin: ClaimOrigin,
    cancellation: Cancellation,
    slot: DeliverySlot,
  ): Promise<Outcome> {
    try {
      const opening = delivery.isOpen ? delivery : this.opener.open(delivery);
      const opened = opening instanceof Promise ? await opening : opening;
      return 'outcome' in opened ? opened : await this.runHandlers(opened, origin, { cancellation, slot });
    } catch (error) {
      const failure = { deliveryId: delivery.id, nextIn: DISPATCH_RETRY_MS, error: errorName(error) };
      this.instrumentation.announce('dispatch-failed', failure);
      return { outcome: 'with-runs', next: { nextAttemptAt: this.clock.now() + DISPATCH_RETRY_MS }, runs: [] };
    }
  }

  private async runHandlers(delivery: ClaimedDelivery, origin: ClaimOrigin, place: Place): Promise<Outcome> {
    const { previousRuns } = origin;
    const { cancellation } = place;
    const handlers = this.handlers.for(delivery.status);
    const before = this.runsBefore(delivery, previousRuns);
    if (handlers.length === 0 && before.size === 0) return { outcome: 'unhandled' };
    const due = this.dueOf(handlers, before, delivery.onlyNamedHandlers === 1);
    const elsewhere = due.filter((handler) => this.enqueuer.isQueued(handler));
    const enqueueing = elsewhere.length > 0 ? this.enqueuer.enqueue(delivery, elsewhere, before) : undefined;
    const here = elsewhere.length > 0 ? due.filter((handler) => !elsewhere.includes(handler)) : due;
    const executions = await this.runAll(delivery, origin, here, before, place);
    const enqueueResult = await enqueueing;
    if (!enqueueResult && before.size === 0 && executions.every(({ result }) => result.ended === 'completed'))
      return { outcome: 'completed' };
    const isInterrupted = cancellation.isRequested && executions.every(({ result }) => hasNoResult(result));
    if (isInterrupted && executions.length === 0 && !enqueueResult) return { outcome: 'untouched' };
    const pass = { handlers, before, elsewhere, executions, enqueueResult, isInterrupted };
    return this.outcomeOf(delivery, previousRuns, pass);
  }

  private outcomeOf(delivery: ClaimedDelivery, previousRuns: readonly HandlerRun[], pass: Pass): OutcomeWithRuns {
    const { handlers, before, elsewhere, executions, enqueueResult, isInterrupted } = pass;
    const after = new Map(before);
    for (const executed of executions) {
      const { id } = executed.handler;
      after.set(id, isInterrupted ? this.interrupted(delivery, executed) : this.toRun(delivery, executed, before));
    }
    for (const { id } of elsewhere) if (!after.has(id)) after.set(id, this.untouched(delivery.id, id, 0));
    const next = isInterrupted
      ? { nextAttemptAt: this.clock.now() }
      : nextOf([...after.values()], (run) => this.dueAt(run, handlers, enqueueResult));
    const enqueued = this.enqueuedOf(handlers, after, enqueueResult);
    const stored = [...previousRuns, ...(enqueued ?? [])];
    const attempts = this.attemptsOf(delivery, pass, after);
    return { outcome: 'with-runs', next, enqueued, attempts, ...toSave(delivery, stored, executions, after) };
  }

  private attemptsOf(
    delivery: ClaimedDelivery,
    { executions, before }: Pass,
    after: ReadonlyMap<string, HandlerRun>,
  ): NewAttempt[] {
    const { id: deliveryId, dispatches: passes } = delivery;
    return executions.flatMap((executed) => {
      const { id } = executed.handler;
      const state = after.get(id)?.state ?? 'pending';
      const error = executed.run ? executed.run.lastError : this.evaluator.errorOf(delivery, executed);
      const facts = { deliveryId, before: before.get(id), state, error, instance: this.identity.id, passes };
      return keptAttempt(executed, facts) ?? [];
    });
  }

  /** Returns what a queue was given, if it has a handler that has not ended. */
  private enqueuedOf(
    handlers: readonly VerificationHandler[],
    after: ReadonlyMap<string, HandlerRun>,
    enqueueResult: EnqueueResult | undefined,
  ): OutcomeWithRuns['enqueued'] {
    const isOpen = ({ id }: VerificationHandler) => after.get(id)?.state === 'pending';
    const isQueued = handlers.some((handler) => isOpen(handler) && this.enqueuer.isQueued(handler));
    return isQueued ? (enqueueResult?.enqueued ?? []) : undefined;
  }

  private toRun(delivery: ClaimedDelivery, executed: Concluded, before: ReadonlyMap<string, HandlerRun>): HandlerRun {
    return executed.run ?? this.evaluator.evaluate(delivery, executed, before.get(executed.handler.id));
  }

  /** Returns the runs that are saved, and those of the handlers that the delivery expects besides. */
  private runsBefore(
    { id, expectedHandlers }: ClaimedDelivery,
    previousRuns: readonly HandlerRun[],
  ): ReadonlyMap<string, HandlerRun> {
    if (previousRuns.length === 0 && expectedHandlers.length === 0) return NO_RUNS;
    const expected = expectedHandlers.map((handler) => [handler, this.untouched(id, handler, 0)] as const);
    return new Map([...expected, ...previousRuns.map((run) => [run.handler, run] as const)]);
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
    origin: ClaimOrigin,
    handlers: readonly VerificationHandler[],
    before: ReadonlyMap<string, HandlerRun>,
    place: Place,
  ): Promise<Concluded[]> {
    const [{ id: deliveryId, replays }, { cancellation, slot }] = [delivery, place];
    const nextEvent = verificationEvents(delivery, this.dataValidator);
    const executions = handlers.map((handler) => {
      const attempt = (before.get(handler.id)?.attempts ?? 0) + 1;
      const observed = this.observer.observe(delivery, origin, handler, attempt);
      const isStored = before.has(handler.id);
      // Written out: a spread after other fields takes as long as all of them.
      return { deliveryId, handler, event: nextEvent(), attempt, observed, replays, isStored, cancellation, slot };
    });
    return Promise.all(executions.map((execution) => this.execute(delivery, execution, before)));
  }

  /** Runs a handler, and decides at once what follows from its result. */
  private async execute(
    delivery: ClaimedDelivery,
    execution: HandlerExecution,
    before: ReadonlyMap<string, HandlerRun>,
  ): Promise<Concluded> {
    const { handler, event, attempt, observed, cancellation } = execution;
    const startedAt = this.clock.now();
    const result = await this.runner.run(execution);
    const executed = { handler, event, attempt, observed, result, startedAt, endedAt: this.clock.now() };
    if (executed.result.ended === 'completed') {
      this.evaluator.announce(delivery.id, executed, { outcome: 'completed' });
      return executed;
    }
    if (cancellation.isRequested && hasNoResult(executed.result)) {
      observed?.end({ outcome: 'interrupted' });
      return executed; // what follows depends on the other handlers
    }
    return { ...executed, run: this.evaluator.evaluate(delivery, executed, before.get(handler.id)) };
  }

  /**
   * Returns a run that is due at once, with no attempt used up. Another version of the app may be next, without its
   * handler: the run says that the delivery waits for it.
   */
  private interrupted({ id }: ClaimedDelivery, { handler, attempt }: EndedAttempt): HandlerRun {
    return this.untouched(id, handler.id, attempt - 1);
  }

  private untouched(deliveryId: string, handler: string, attempts: number): HandlerRun {
    const updatedAt = this.clock.now();
    return { deliveryId, handler, state: 'pending', attempts, nextAttemptAt: null, lastError: null, updatedAt };
  }

  /**
   * Returns the time when an unfinished run is due. A run of an unknown handler is postponed, so that another instance
   * can claim it.
   */
  private dueAt(
    { deliveryId, handler, nextAttemptAt }: HandlerRun,
    handlers: readonly VerificationHandler[],
    enqueueResult: EnqueueResult | undefined,
  ): number {
    if (enqueueResult?.handlers.has(handler)) return enqueueResult.dueAgainAt;
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
