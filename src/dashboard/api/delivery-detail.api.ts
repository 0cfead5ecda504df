import { Inject, Injectable } from '@nestjs/common';
import type { Attempt } from '../../operations/attempt.view.js';
import type { DeliveryDetails, HandlerRunDetails } from '../../operations/delivery.view.js';
import type { RejectionSummary } from '../../operations/rejection.view.js';
import { DashboardContext } from '../dashboard.context.js';
import type { Call } from '../dashboard.responder.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import { BodyMask } from '../masking/body.mask.js';
import type { ActionRow } from './contract/actions.js';
import type { DeliveryDetail, DeliveryRow, RunRow } from './contract/deliveries.js';
import type { TimelineEntry } from './contract/timeline.js';
import { DeliveriesApi } from './deliveries.api.js';
import { notFound } from './dashboard.exception.js';
import { Rows, toAction } from './rows.js';

/** Acts on a delivery that its timeline shows. */
const MAX_ACTIONS = 100;

type Entry = TimelineEntry extends infer E ? (E extends unknown ? Omit<E, 'order'> : never) : never;

/** Answers what is known of one delivery. */
@Injectable()
export class DeliveryDetailApi {
  constructor(
    private readonly context: DashboardContext,
    private readonly deliveries: DeliveriesApi,
    private readonly rows: Rows,
    private readonly mask: BodyMask,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'limits'>,
  ) {}

  async get({ operator, params }: Call): Promise<DeliveryDetail> {
    const { inbox, search, clock } = this.context.core;
    const visible = await this.deliveries.visible(params.id, operator);
    const { id } = visible.summary;
    const details = await inbox.find(id);
    if (!details) throw notFound('There is no delivery with this id any more.');
    const row = {
      ...this.rows.openDelivery(visible),
      reference: details.externalReferenceId,
      contents: details.contents,
    };
    const rejections = await search.rejectionsOfSession(visible.idempotencyKey, this.settings.limits.timeout);
    const actions = (await inbox.actions.list({ targetId: id, limit: MAX_ACTIONS })).map(toAction);
    const attempts = await inbox.history.attempts(id);
    return {
      now: clock.now(),
      row,
      runs: await this.runsOf(details),
      payload: this.mask.mask(details.rawBody, row),
      timeline: timelineOf(row, { runs: details.runs, rejections, actions, attempts }),
      rejections: rejections.map(({ id: rejection, reason, state, firstReceivedAt }) => ({
        id: rejection,
        reason,
        state,
        firstReceivedAt,
      })),
      links: this.rows.linksOf(row),
    };
  }

  /** Returns the runs that there are, and those of subscribed handlers that there will be. */
  private async runsOf({ runs, status, state }: DeliveryDetails): Promise<RunRow[]> {
    const subscribed = new Map((await this.context.core.handlersFor(status)).map((handler) => [handler.id, handler]));
    const known = runs.map(({ handler, ...run }) => ({ handler, ...run, ...subscriptionOf(subscribed.get(handler)) }));
    const others = [...subscribed.values()].filter(({ id }) => !runs.some(({ handler }) => handler === id));
    const isCompleted = state === 'completed';
    return [
      ...known,
      ...others.map((handler) => ({
        handler: handler.id,
        state: isCompleted ? ('completed' as const) : ('waiting' as const),
        attempts: isCompleted ? 1 : 0,
        nextAttemptAt: null,
        lastError: null,
        updatedAt: null,
        ...subscriptionOf(handler),
      })),
    ].toSorted((a, b) => (a.handler < b.handler ? -1 : 1));
  }
}

function subscriptionOf(handler: { readonly isTransactional: boolean } | undefined) {
  return { isSubscribed: handler !== undefined, isTransactional: handler?.isTransactional ?? null };
}

interface Happenings {
  readonly runs: readonly HandlerRunDetails[];
  readonly rejections: readonly RejectionSummary[];
  readonly actions: readonly ActionRow[];
  readonly attempts: readonly Attempt[];
}

function timelineOf(row: DeliveryRow, { runs, rejections, actions, attempts }: Happenings): TimelineEntry[] {
  const entries: Entry[] = [
    { kind: 'received', at: row.receivedAt },
    ...attempts.map(toAttempt),
    ...rejections.map(({ id, reason, state, repeats, firstReceivedAt: at }) => ({
      kind: 'conflict' as const,
      at,
      rejection: id,
      reason,
      state,
      repeats,
    })),
    ...actions.map((action) => ({ kind: 'action' as const, at: action.at, action })),
    ...duplicatesOf(row),
    ...(row.finishedAt === null
      ? []
      : [{ kind: 'ended' as const, at: row.finishedAt, state: row.state, reason: row.reason }]),
    ...nextOf(row, runs),
  ];
  return entries.toSorted((a, b) => a.at - b.at).map((entry, order) => ({ ...entry, order }) as TimelineEntry);
}

function duplicatesOf({ duplicates, lastDuplicateAt, receivedAt }: DeliveryRow) {
  if (lastDuplicateAt === null) return [];
  // Of copies that arrive at once, the one that is recorded may be the last; and the time is to the second.
  return [{ kind: 'duplicates' as const, at: Math.max(lastDuplicateAt, receivedAt), count: duplicates }];
}

function toAttempt({ handler, attempt, outcome, startedAt, endedAt, error, instance }: Attempt) {
  return {
    kind: 'attempt' as const,
    at: endedAt,
    handler,
    attempt,
    outcome,
    took: endedAt - startedAt,
    error,
    instance,
  };
}

function nextOf({ state, nextAttemptAt }: DeliveryRow, runs: readonly HandlerRunDetails[]): Entry[] {
  if (state !== 'pending' || nextAttemptAt === null) return [];
  const handlers = runs.flatMap(({ handler, nextAttemptAt: at }) => (at === null ? [] : [{ handler, at }]));
  return [{ kind: 'next', at: nextAttemptAt, handlers }];
}
