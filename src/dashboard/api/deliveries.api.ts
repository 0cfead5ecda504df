import { Inject, Injectable } from '@nestjs/common';
import { isRecordId } from '../../inbox/record.id.js';
import type { DeliverySearch } from '../../inbox/delivery-search.queries.js';
import type { DeathReason } from '../../inbox/delivery-state.entity.js';
import { DEATH_REASONS, deliveryStates } from '../../inbox/selection.checks.js';
import { verificationStatuses } from '../../contract/verification-status.js';
import { MAX_REASON_LENGTH } from '../../operations/action.options.js';
import type { DiscardResult, ReplayResult } from '../../operations/decision.results.js';
import type { ListedDelivery } from '../../operations/inbox.search.js';
import { actingOf, type Operator } from '../access/operator.js';
import { DashboardContext } from '../dashboard.context.js';
import type { Call } from '../dashboard.responder.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import { BodyParser } from './body.parser.js';
import type { ErrorCode, Page } from './contract/common.js';
import type { DeliveryAnswer, DeliveryRow } from './contract/deliveries.js';
import type { FindAnswer } from './contract/rejections.js';
import { conflict, invalidFilter, notFound } from './dashboard.exception.js';
import { pageAskedFor, toPage } from './pages.js';
import { QueryParser } from './query.parser.js';
import { Rows } from './rows.js';
import { visibleTenants } from './visible.tenants.js';

const CONDITIONS = ['state', 'status', 'handler', 'error', 'reason', 'platform', 'tenant', 'from', 'to', 'sort'];
const MAX_ERROR_LENGTH = 100;

/** Why a decision was not taken, as the operator reads it. */
const REFUSALS: Record<
  Exclude<ReplayResult | DiscardResult, 'replayed' | 'discarded' | 'unknown'>,
  [code: ErrorCode, message: string]
> = {
  busy: ['BUSY', 'A worker is processing it. Try again in a moment.'],
  completed: ['COMPLETED', 'Every handler has completed. Name the handlers that are to run again.'],
  purged: ['PURGED', 'Its contents were removed, so no handler can run.'],
  erased: ['ERASED', 'Its session was erased.'],
};

/** Answers what is asked of deliveries. */
@Injectable()
export class DeliveriesApi {
  constructor(
    private readonly context: DashboardContext,
    private readonly rows: Rows,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'limits'>,
  ) {}

  async list({ operator, query }: Call): Promise<Page<DeliveryRow>> {
    const { limits } = this.settings;
    const { search, clock } = this.context.core;
    const parser = new QueryParser(query, [...CONDITIONS, 'cursor', 'limit']);
    const conditions = this.conditionsIn(parser, operator);
    const { limit, after } = pageAskedFor(parser, conditions, limits);
    const bounds = { limit, scan: limits.scan, timeoutMs: limits.timeout };
    const found = await search.deliveries(conditions, after, bounds);
    const items = found.items.map((item) => this.rows.delivery(item));
    return toPage({ ...found, items }, conditions, { now: clock.now(), operator });
  }

  async find({ operator, body }: Call): Promise<FindAnswer> {
    const { search, clock } = this.context.core;
    const parser = new BodyParser(body, ['value', 'tenant']);
    const value = parser.text('value', { to: 512 });
    const asked = parser.tenant('tenant');
    const which = { tenants: visibleTenants(operator, asked), isNamed: asked !== undefined };
    const found = await search.identify(value, which, this.settings.limits.timeout);
    return {
      now: clock.now(),
      deliveries: found.deliveries.map((item) => this.rows.delivery(item)),
      rejections: found.rejections.map((item) => this.rows.rejection(item)),
    };
  }

  async replay({ operator, params, body }: Call): Promise<DeliveryAnswer> {
    const { inbox } = this.context.core;
    const parser = new BodyParser(body, ['handlers', 'reason']);
    const [handlers, reason] = [parser.handlers('handlers'), parser.optionalText('reason', { to: MAX_REASON_LENGTH })];
    const { summary } = await this.visible(params.id, operator);
    const options = { ...actingOf(operator, reason), ...(handlers && { handlers }) };
    return this.decided(summary.id, operator, await inbox.replay(summary.id, options));
  }

  async discard({ operator, params, body }: Call): Promise<DeliveryAnswer> {
    const { inbox } = this.context.core;
    const reason = new BodyParser(body, ['reason']).optionalText('reason', { to: MAX_REASON_LENGTH });
    const { summary } = await this.visible(params.id, operator);
    return this.decided(summary.id, operator, await inbox.discard(summary.id, actingOf(operator, reason)));
  }

  /**
   * Returns a delivery that the operator may see.
   *
   * @throws DashboardException 404
   */
  async visible(id: string | undefined, { tenants }: Operator): Promise<ListedDelivery & { idempotencyKey: string }> {
    const { search } = this.context.core;
    const found = isRecordId(id) && (await search.delivery(id, tenants, this.settings.limits.timeout));
    if (!found) throw notFound('There is no delivery with this id.');
    return found;
  }

  private async decided(id: string, operator: Operator, result: ReplayResult | DiscardResult): Promise<DeliveryAnswer> {
    if (result === 'unknown') throw notFound('There is no delivery with this id any more.');
    const answer = { now: this.context.core.clock.now(), row: this.rows.delivery(await this.visible(id, operator)) };
    if (result === 'replayed' || result === 'discarded') return answer;
    const [code, message] = REFUSALS[result];
    throw conflict(code, message, answer);
  }

  private conditionsIn(parser: QueryParser, operator: Operator): DeliverySearch {
    const conditions = {
      state: parser.oneOf('state', deliveryStates),
      status: parser.oneOf('status', verificationStatuses),
      handler: parser.text('handler', 255),
      error: parser.text('error', MAX_ERROR_LENGTH),
      reason: parser.oneOf('reason', Object.keys(DEATH_REASONS) as DeathReason[]),
      platformId: parser.number('platform'),
      tenants: visibleTenants(operator, parser.anyText('tenant', 255)),
      from: parser.time('from'),
      to: parser.time('to'),
      sort: parser.oneOf('sort', ['received', 'due'] as const),
    };
    const { state, handler, error, sort } = conditions;
    if ((handler ?? error) !== undefined && state !== 'dead' && state !== 'pending')
      throw invalidFilter('"handler" and "error" go with "state" "dead" or "pending": what completes leaves no run.');
    if (error !== undefined && this.context.core.isSealed)
      throw invalidFilter('"error" cannot be searched for: errors are sealed. Select by "handler".');
    if (sort === 'due' && state !== 'pending') throw invalidFilter('"sort" "due" goes with "state" "pending".');
    return conditions;
  }
}
