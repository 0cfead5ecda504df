import { Inject, Injectable } from '@nestjs/common';
import { isRecordId } from '../../inbox/record.id.js';
import type { RejectionSearch } from '../../inbox/rejection-search.queries.js';
import { rejectionReasons, rejectionStates } from '../../inbox/selection.checks.js';
import { MAX_REASON_LENGTH } from '../../operations/action.options.js';
import type { Acceptance } from '../../operations/rejections.js';
import type { RejectionSummary } from '../../operations/rejection.view.js';
import { actingOf, type Operator } from '../access/operator.js';
import { DashboardContext } from '../dashboard.context.js';
import type { Call } from '../dashboard.responder.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import { BodyMask } from '../masking/body.mask.js';
import { BodyParser } from './body.parser.js';
import type { ErrorCode, Page } from './contract/common.js';
import type { RejectionAnswer, RejectionDetail, RejectionRow } from './contract/rejections.js';
import { conflict, notFound } from './dashboard.exception.js';
import { pageAskedFor, toPage } from './pages.js';
import { QueryParser } from './query.parser.js';
import { Rows } from './rows.js';
import { visibleTenants } from './visible.tenants.js';

const CONDITIONS = ['state', 'reason', 'tenant', 'from', 'to'];

/** Why a rejection was not accepted, as the operator reads it. */
const REFUSALS: Record<
  Exclude<Acceptance, 'accepted' | 'duplicate' | 'unknown'>,
  [code: ErrorCode, message: string]
> = {
  rejected: ['REJECTED', 'It still breaks the contract of this version. Update the package, or discard it.'],
  'unexpected-data': ['UNEXPECTED_DATA', 'Its data still breaks the class of its platform. Correct the class first.'],
  busy: ['BUSY', 'A worker is processing the delivery of its session. Try again in a moment.'],
  unreadable: ['UNREADABLE', 'It, or the delivery that it would replace, is sealed and does not open.'],
  purged: ['PURGED', 'The contents of the delivery that it would replace were removed.'],
  erased: ['ERASED', 'Its session was erased, and so it was deleted.'],
  'already-accepted': ['DECIDED', 'Somebody has decided on it already.'],
};

/** Answers what is asked of rejections. */
@Injectable()
export class RejectionsApi {
  constructor(
    private readonly context: DashboardContext,
    private readonly rows: Rows,
    private readonly mask: BodyMask,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'limits'>,
  ) {}

  async list({ operator, query }: Call): Promise<Page<RejectionRow>> {
    const { limits } = this.settings;
    const { search, clock } = this.context.core;
    const parser = new QueryParser(query, [...CONDITIONS, 'cursor', 'limit']);
    const conditions: RejectionSearch = {
      state: parser.oneOf('state', rejectionStates) ?? 'open',
      reason: parser.oneOf('reason', rejectionReasons),
      tenants: visibleTenants(operator, parser.anyText('tenant', 255)),
      from: parser.time('from'),
      to: parser.time('to'),
    };
    const { limit, after } = pageAskedFor(parser, conditions, limits);
    const found = await search.rejections(conditions, after, { limit, scan: limits.scan, timeoutMs: limits.timeout });
    const items = found.items.map((item) => this.rows.rejection(item));
    return toPage({ ...found, items }, conditions, { now: clock.now(), operator });
  }

  async get({ operator, params }: Call): Promise<RejectionDetail> {
    const { inbox, search, clock } = this.context.core;
    const summary = await this.visible(params.id, operator);
    const details = await inbox.rejections.find(summary.id);
    if (!details) throw notFound('There is no rejection with this id any more.');
    const { rawBody, contents, tenant, sessionId } = details;
    const row = this.rows.openRejection(summary);
    const standing = sessionId === null ? null : await search.standing(tenant, sessionId, this.settings.limits.timeout);
    const standingBody = standing && (await inbox.find(standing.summary.id))?.rawBody;
    return {
      now: clock.now(),
      row,
      contents,
      constraints: rawBody === null ? [] : this.context.core.constraintsOf(rawBody),
      payload: this.mask.mask(rawBody, row),
      standing: standing && this.rows.openDelivery(standing),
      changes: rawBody === null || !standingBody ? null : this.mask.changes(standingBody, rawBody),
      links: this.rows.linksOf(row),
    };
  }

  async accept({ operator, params, body }: Call): Promise<RejectionAnswer> {
    const { inbox, clock } = this.context.core;
    const reason = new BodyParser(body, ['reason']).optionalText('reason', { to: MAX_REASON_LENGTH });
    const summary = await this.visible(params.id, operator);
    const result = await inbox.rejections.accept(summary.id, actingOf(operator, reason));
    if (result === 'unknown') throw notFound('There is no rejection with this id any more.');
    const row = await this.rowNow(summary, operator);
    const now = clock.now();
    if (result === 'accepted' || result === 'duplicate') return { now, result, row };
    const [code, message] = REFUSALS[result];
    throw conflict(code, message, { now, row });
  }

  async discard({ operator, params, body }: Call): Promise<RejectionAnswer> {
    const { inbox, clock } = this.context.core;
    const reason = new BodyParser(body, ['reason']).optionalText('reason', { to: MAX_REASON_LENGTH });
    const summary = await this.visible(params.id, operator);
    const isDiscarded = await inbox.rejections.discard(summary.id, actingOf(operator, reason));
    const row = await this.rowNow(summary, operator);
    if (isDiscarded) return { now: clock.now(), result: 'discarded', row };
    const [code, message] = REFUSALS['already-accepted'];
    throw conflict(code, message, { now: clock.now(), row });
  }

  /**
   * Returns a rejection that the operator may see.
   *
   * @throws DashboardException 404
   */
  async visible(id: string | undefined, { tenants }: Operator): Promise<RejectionSummary> {
    const { search } = this.context.core;
    const found = isRecordId(id) && (await search.rejection(id, tenants, this.settings.limits.timeout));
    if (!found) throw notFound('There is no rejection with this id.');
    return found;
  }

  /** Returns the row as it is now, or as it last was: an erased session takes its rejections with it. */
  private async rowNow(summary: RejectionSummary, { tenants }: Operator): Promise<RejectionRow> {
    const now = await this.context.core.search.rejection(summary.id, tenants, this.settings.limits.timeout);
    return this.rows.rejection(now ?? summary);
  }
}
