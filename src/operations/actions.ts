import { Injectable } from '@nestjs/common';
import { type ActionRow } from '../inbox/action.entity.js';
import { ACTION_NAMES, type ActionName, type ActionSource } from '../instrumentation/action.names.js';
import { ActionRepository } from '../inbox/action.repository.js';
import { period } from '../inbox/selection.checks.js';
import type { Place } from '../inbox/windowed.search.js';
import { boolean, fields, oneOf, text, whole } from '../option.checks.js';
import { checkRecordId } from '../retention/erasure.options.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { actionFields, actOf, actorOf, type ActionOptions } from './action.options.js';

const DEFAULT_LIMIT = 50;

/**
 * One act of an operator. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface Action {
  /** UUIDv7. */
  readonly id: string;
  /** Time of the act. */
  readonly actedAt: number;
  /** Name of the operator; null if none was given. */
  readonly operator: string | null;
  /** Way in which the operator acted. */
  readonly source: ActionSource;
  /** What was done. */
  readonly action: ActionName;
  /** Id of the delivery, rejection or bulk operation. */
  readonly targetId: string;
  /** Tenant of the delivery or rejection, empty without tenants and for bulk operations. */
  readonly tenant: string;
  /** Handlers that a replay named; null if it named none. */
  readonly handlers: readonly string[] | null;
  /** Reason that was given. */
  readonly reason: string | null;
  /** Id of the bulk operation that it was a part of; null if it was none. */
  readonly bulkId: string | null;
}

/**
 * Conditions on the actions of a list.
 *
 * @publicApi
 */
export interface ActionFilter {
  /** Id of a delivery, rejection or bulk operation: only what was done to it. */
  targetId?: string;
  /** Only of this operator, exactly. */
  operator?: string;
  /** Only this act. */
  action?: ActionName;
  /** False leaves out the deliveries of bulk operations, which may be thousands. @default true */
  includeBulk?: boolean;
  /** Only acts from the first moment on and before the second, as dates or epoch milliseconds. */
  actedBetween?: readonly [from: Date | number, until: Date | number];
  /** Id of an action: only those before it. Pass the last id of a page for the next one. */
  before?: string;
  /** Most actions to return, up to 1000. @default 50 */
  limit?: number;
}

/**
 * Contents that somebody looks at, or was not allowed to.
 *
 * @publicApi
 */
export interface Revelation extends ActionOptions {
  /** `reveal`, or `reveal-refused`. */
  action: 'reveal' | 'reveal-refused';
  /** Id of the delivery or rejection. */
  targetId: string;
}

/** Throws `OPTIONS_INVALID` for a wrong filter of actions. */
export const checkActionFilter = fields({
  targetId: checkRecordId,
  operator: text,
  action: oneOf(...Object.keys(ACTION_NAMES)),
  includeBulk: boolean,
  actedBetween: period,
  before: checkRecordId,
  limit: whole(1, 1_000),
});
const checkRevelation = fields({ ...actionFields, action: oneOf('reveal', 'reveal-refused'), targetId: checkRecordId });

/**
 * Record of what operators did: replays and discards of deliveries, decisions on rejections, bulk operations, and
 * contents that were shown. Each is written in the transaction of the act. What changed nothing is not recorded.
 * Erasures have records of their own.
 *
 * @publicApi
 */
@Injectable()
export class Actions {
  constructor(
    private readonly repository: ActionRepository,
    private readonly instrumentation: Instrumentation,
  ) {}

  /**
   * Lists actions, newest first. Returns at most 50 unless `limit` is given.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the filter is wrong
   */
  async list(filter: ActionFilter = {}): Promise<Action[]> {
    checkActionFilter(filter, '');
    const { limit = DEFAULT_LIMIT, before } = filter;
    const conditions = conditionsOf(filter);
    const actions: Action[] = [];
    let place: Place | undefined = before === undefined ? undefined : { id: before };
    for (;;) {
      const bounds = { limit: limit - actions.length, scan: Infinity };
      const { items, last, isEnd } = await this.repository.search(conditions, place, bounds);
      actions.push(...items.map(toAction));
      if (isEnd || actions.length === limit) return actions;
      place = last;
    }
  }

  /**
   * Records that contents are shown, or were to be. It is durable once the promise resolves: show them only then.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is wrong
   */
  async record(revelation: Revelation): Promise<void> {
    checkRevelation(revelation, '');
    const { action, targetId } = revelation;
    const operator = actorOf(revelation);
    await this.repository.insert({ operator, action, targetId });
    this.instrumentation.announce('acted', actOf(operator, action, targetId));
  }
}

/** Returns the conditions of a filter without those on where the list begins and ends. */
export function conditionsOf({ targetId, operator, action, includeBulk = true, actedBetween }: ActionFilter) {
  const [from, until] = (actedBetween ?? []).map(Number);
  const within = from !== undefined && until !== undefined ? ([from, until] as const) : undefined;
  return { targetId, operator, action, includeBulk, actedBetween: within };
}

export function toAction({ handlers, ...row }: ActionRow): Action {
  return { ...row, handlers: handlers === null ? null : (JSON.parse(handlers) as string[]) };
}
