import { ClaimRepository } from '../../../src/inbox/claim.repository.js';
import { RescueRepository, type RescueQuery } from '../../../src/inbox/rescue.repository.js';
import { HandlerRunRepository } from '../../../src/inbox/handler-run.repository.js';
import { DeliveryDispatcher } from '../../../src/processing/dispatch/delivery.dispatcher.js';
import type { Outcome } from '../../../src/processing/dispatch/delivery.outcome.js';
import { DeliverySettler } from '../../../src/processing/dispatch/delivery.settler.js';
import { HandlerLimiter } from '../../../src/processing/dispatch/handler.limiter.js';
import { LimitedHandlers } from '../../../src/processing/dispatch/limited.handlers.js';
import { LiveExecutions } from '../../../src/processing/dispatch/live.executions.js';
import { HandlerRunner } from '../../../src/processing/dispatch/handler.runner.js';
import { DeliveryPool } from '../../../src/processing/worker/delivery.pool.js';
import { DeliveryWorker } from '../../../src/processing/worker/delivery.worker.js';
import type { ClaimedDelivery, ClaimKey } from '../../../src/inbox/claimed-delivery.js';
import type { ClaimOrigin } from '../../../src/processing/dispatch/claim.origin.js';
import { patch } from '../patch.js';
import type { Control } from './control.js';

let executions = 0;

/** Faults of claims, leases and outcomes. */
export const processingControls: readonly Control[] = [
  {
    name: 'a handler that this instance does not know is forgotten (F3)',
    apply: () =>
      patch(
        DeliveryDispatcher,
        'dispatch',
        (dispatch) =>
          async function (this: never, ...args: never[]) {
            const outcome = (await dispatch.apply(this, args)) as Outcome;
            if (outcome.outcome !== 'with-runs') return outcome;
            const [{ status }, { previousRuns: before }] = args as unknown as [{ status: string }, ClaimOrigin];
            const { handlers } = this as unknown as { handlers: { for(status: string): { id: string }[] } };
            const known = new Set(handlers.for(status).map(({ id }) => id));
            const runs = new Map([...before, ...outcome.runs].map((run) => [run.handler, run]));
            const isDone = [...runs.values()].every((run) => run.state === 'completed' || !known.has(run.handler));
            return isDone ? { ...outcome, next: 'completed' } : outcome;
          },
      ),
  },
  {
    name: 'a handler is forgotten whose run the transaction of a vanished machine has (F3)',
    apply: () =>
      patch(
        ClaimRepository,
        'toClaimedDelivery',
        (read) =>
          function (this: never, ...args: never[]) {
            return { ...(read.apply(this, args) as ClaimedDelivery), expectedHandlers: [] };
          },
      ),
  },
  {
    name: 'completed although a handler has failed',
    apply: () =>
      patch(
        DeliverySettler,
        'settle',
        (settle) =>
          function (this: never, ...args: never[]) {
            const [id, outcome, ...rest] = args as unknown as [string, Outcome];
            const changed = outcome.outcome === 'with-runs' ? { outcome: 'completed' } : outcome;
            return settle.apply(this, [id, changed, ...rest] as never[]);
          },
      ),
  },
  {
    name: 'every failure taken for an interruption (F9)',
    apply: () => patch(HandlerRunner, 'isInterruption', () => () => Promise.resolve(true)),
  },
  {
    name: 'a rescue before the lease has expired',
    apply: () =>
      patch(
        RescueRepository,
        'rescueExpired',
        (rescue) =>
          function (this: never, ...args: never[]) {
            const [look] = args as unknown as [RescueQuery];
            return rescue.apply(this, [{ ...look, now: look.now + 60_000 }] as never[]);
          },
      ),
  },
  {
    name: 'claims that a shutdown does not return (F10)',
    apply: () =>
      patch(
        ClaimRepository,
        'release',
        () =>
          function (this: never, ...args: never[]) {
            return Promise.resolve(new Set((args[0] as unknown as ClaimKey[]).map(({ id }) => id)));
          },
      ),
  },
  {
    name: 'handlers that begin during a shutdown (F12)',
    apply: () =>
      patch(
        DeliveryWorker,
        'shutDown',
        (shutDown) =>
          function (this: never, ...args: never[]) {
            const { shutdown, pool } = this as unknown as { shutdown: object; pool: object };
            Object.defineProperty(shutdown, 'hasBegun', { get: () => false, set: () => {} });
            Object.assign(pool, { close: () => {} });
            return shutDown.apply(this, args);
          },
      ),
  },
  {
    name: 'an execution that goes on beside the next one of its run (F19)',
    apply: () =>
      patch(
        LiveExecutions,
        'begin',
        (begin) =>
          function (this: never, ...args: never[]) {
            const [deliveryId, ...rest] = args as unknown as [string];
            return begin.apply(this, [`${deliveryId} ${++executions}`, ...rest] as never[]);
          },
      ),
  },
  {
    name: 'a handler that does not wait for its turn',
    apply: () =>
      patch(
        LimitedHandlers,
        'run',
        () =>
          (...args: unknown[]) =>
            (args[1] as () => Promise<never>)(),
      ),
  },
  {
    name: 'a turn that is not given back',
    apply: () => patch(HandlerLimiter, 'leave', () => () => {}),
  },
  {
    name: 'a claim before the end of the one before is forgotten',
    apply: () =>
      patch(
        DeliveryPool,
        'add',
        (add) =>
          function (this: never, ...args: never[]) {
            add.apply(this, args);
            return true;
          },
      ),
  },
  {
    name: 'runs that are not saved',
    apply: () => patch(HandlerRunRepository, 'upsertStatement', () => () => undefined),
  },
];
