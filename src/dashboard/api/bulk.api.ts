import { Inject, Injectable } from '@nestjs/common';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import { isRecordId } from '../../inbox/record.id.js';
import { MAX_REASON_LENGTH } from '../../operations/action.options.js';
import { MAX_COUNTED } from '../../operations/bulk.checks.js';
import type { BulkChange, BulkOperation, BulkRequest, StoredSelection } from '../../operations/bulk.view.js';
import { pick } from '../../operations/pick.js';
import { may, type Operator } from '../access/operator.js';
import { DashboardContext } from '../dashboard.context.js';
import { Answer, type Call } from '../dashboard.responder.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import { assertNoFields, BodyParser } from './body.parser.js';
import { fromBulkToken, toBulkToken } from './bulk.tokens.js';
import { bulkConditionsIn, selectionOf } from './bulk.conditions.js';
import type {
  BulkAnswer,
  BulkConditions,
  BulkListing,
  BulkPreviewAnswer,
  BulkPreviewRequest,
  BulkView,
} from './contract/bulk.js';
import { conflict, forbidden, invalidBody, notFound, previewExpired } from './dashboard.exception.js';
import { assertNoConditions } from './query.parser.js';
import { Rows } from './rows.js';

const SHOWN = [
  'id',
  'action',
  'state',
  'pausedBy',
  'handlers',
  'asOf',
  'expected',
  'done',
  'skipped',
  'deadAgain',
  'rate',
  'pauseAt',
  'operator',
  'reason',
  'instance',
  'startedAt',
  'updatedAt',
  'endedAt',
] as const satisfies readonly (keyof BulkOperation & keyof BulkView)[];
const MAX_LISTED = 50;
/** Operations that are read at a time, and how often, for those that an operator may see. */
const PAGE_ROWS = 100;
const MAX_PAGES = 20;
const MAX_TOKEN_LENGTH = 10_000;

/** Answers what is asked of bulk operations. */
@Injectable()
export class BulkApi {
  constructor(
    private readonly context: DashboardContext,
    private readonly rows: Rows,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'bulk'>,
  ) {}

  async preview({ operator, body }: Call): Promise<BulkPreviewAnswer> {
    const { inbox, clock } = this.context.core;
    const asked = requestIn(new BodyParser(body, ['action', 'conditions', 'handlers']));
    assertMay(operator, asked.action);
    const { examples, ...preview } = await inbox.bulk.preview(toRequest(asked, operator));
    const now = clock.now();
    const token = toBulkToken({ ...asked, asOf: preview.asOf }, now);
    const rows = examples.map((summary) => this.rows.delivery({ summary, failure: null }));
    return { now, ...token, ...preview, examples: rows };
  }

  async start({ operator, body }: Call): Promise<Answer> {
    const { inbox, clock } = this.context.core;
    const { rate, maxRate, pauseAt } = this.settings.bulk;
    const parser = new BodyParser(body, ['token', 'expected', 'rate', 'reason']);
    const previewed = fromBulkToken(parser.text('token', { to: MAX_TOKEN_LENGTH }), clock.now());
    if (!previewed) throw previewExpired();
    const token = new BodyParser(previewed, ['action', 'conditions', 'handlers', 'asOf']);
    const asked = requestIn(token);
    assertMay(operator, asked.action);
    const reason = parser.optionalText('reason', { to: MAX_REASON_LENGTH });
    const request = {
      ...toRequest(asked, operator),
      asOf: token.number('asOf', 0, clock.now()),
      expected: parser.number('expected', 0, MAX_COUNTED),
      rate: parser.optionalNumber('rate', 0.1, maxRate) ?? rate,
      pauseAt,
      by: operator.id,
      source: 'page' as const,
      ...(reason && { reason }),
    };
    const operation = await inbox.bulk.start(request).catch((error: unknown) => {
      const isOutdated = error instanceof Cr3dentialsWebhookError && error.code === 'PREVIEW_OUTDATED';
      throw isOutdated ? outdated(clock.now()) : error;
    });
    return new Answer(202, JSON.stringify(this.answer(operation)));
  }

  async list({ operator, query }: Call): Promise<BulkListing> {
    assertNoConditions(query);
    const items = (await this.newestVisible(operator)).slice(0, MAX_LISTED).map(toView);
    return { now: this.context.core.clock.now(), items };
  }

  /** Those of an operator of some tenants may be behind many of others. */
  private async newestVisible(operator: Operator): Promise<BulkOperation[]> {
    const { bulk } = this.context.core.inbox;
    const found: BulkOperation[] = [];
    let before: string | undefined;
    for (let pages = 0; pages < MAX_PAGES && found.length < MAX_LISTED; pages++) {
      const page = await bulk.list({ limit: PAGE_ROWS, ...(before !== undefined && { before }) });
      found.push(...page.filter((one) => isVisible(one, operator)));
      before = page.at(-1)?.id;
      if (page.length < PAGE_ROWS) break;
    }
    return found;
  }

  async get({ operator, params }: Call): Promise<BulkAnswer> {
    return this.answer(await this.visible(params.id, operator));
  }

  pause({ operator, params, body }: Call): Promise<BulkAnswer> {
    assertNoFields(body);
    return this.change(params.id, operator, (id, acting) => this.context.core.inbox.bulk.pause(id, acting));
  }

  resume({ operator, params, body }: Call): Promise<BulkAnswer> {
    const rate = new BodyParser(body, ['rate']).optionalNumber('rate', 0.1, this.settings.bulk.maxRate);
    return this.change(params.id, operator, (id, acting) =>
      this.context.core.inbox.bulk.resume(id, { ...acting, ...(rate !== undefined && { rate }) }),
    );
  }

  cancel({ operator, params, body }: Call): Promise<BulkAnswer> {
    assertNoFields(body);
    return this.change(params.id, operator, (id, acting) => this.context.core.inbox.bulk.cancel(id, acting));
  }

  private async change(
    id: string | undefined,
    operator: Operator,
    act: (id: string, acting: { by: string; source: 'page' }) => Promise<BulkChange | null>,
  ): Promise<BulkAnswer> {
    const { id: known, action } = await this.visible(id, operator);
    assertMay(operator, action);
    const change = await act(known, { by: operator.id, source: 'page' });
    if (!change) throw notFound('There is no bulk operation with this id any more.');
    const answer = this.answer(change.operation);
    if (change.isChanged) return answer;
    throw conflict('DECIDED', 'It is in another state by now.', { now: answer.now, row: answer.bulk });
  }

  private async visible(id: string | undefined, operator: Operator): Promise<BulkOperation> {
    const found = isRecordId(id) && (await this.context.core.inbox.bulk.get(id));
    if (!found || !isVisible(found, operator)) throw notFound('There is no bulk operation with this id.');
    return found;
  }

  private answer(operation: BulkOperation): BulkAnswer {
    return { now: this.context.core.clock.now(), bulk: toView(operation) };
  }
}

function outdated(now: number): Error {
  return conflict('PREVIEW_OUTDATED', 'The number is another one by now. Make a new preview.', { now });
}

function requestIn(parser: BodyParser): BulkPreviewRequest {
  const action = parser.oneOf('action', ['replay', 'discard'] as const);
  const handlers = parser.handlers('handlers');
  if (action === 'discard' && handlers) throw invalidBody('"handlers" goes with "action" "replay".');
  return { action, conditions: bulkConditionsIn(parser.object('conditions')), ...(handlers && { handlers }) };
}

function toRequest({ conditions, ...request }: BulkPreviewRequest, operator: Operator): BulkRequest {
  return { ...request, selection: selectionOf(conditions, operator) };
}

function assertMay(operator: Operator, action: 'replay' | 'discard'): void {
  if (!may(operator, action)) throw forbidden(`You need the permission "${action}" too.`);
}

function isVisible({ selection }: BulkOperation, { tenants }: Operator): boolean {
  return !tenants || (selection.tenant !== undefined && tenants.includes(selection.tenant));
}

function toView(operation: BulkOperation): BulkView {
  return { ...pick(operation, SHOWN), conditions: toConditions(operation.selection) };
}

function toConditions({ receivedBetween, ...selection }: StoredSelection): BulkConditions {
  return { ...selection, ...(receivedBetween && { from: receivedBetween[0], to: receivedBetween[1] }) };
}
