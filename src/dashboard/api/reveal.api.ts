import { Inject, Injectable } from '@nestjs/common';
import { BoundedMap } from '../../concurrency/bounded-map.js';
import { RateWindow } from '../../concurrency/rate.window.js';
import { REVEAL_REASON_LENGTHS } from '../../operations/action.options.js';
import { actingOf, type Operator } from '../access/operator.js';
import { DashboardContext } from '../dashboard.context.js';
import type { Call } from '../dashboard.responder.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import { BodyParser } from './body.parser.js';
import type { RevealAnswer } from './contract/deliveries.js';
import { conflict, tooMany } from './dashboard.exception.js';
import { DeliveriesApi } from './deliveries.api.js';
import { RejectionsApi } from './rejections.api.js';
import { Rows } from './rows.js';

const MINUTE_MS = 60_000;
/** Operators whose rates are remembered. */
const MAX_OPERATORS = 10_000;

/** Shows contents, once it is recorded who looks at them and why. */
@Injectable()
export class RevealApi {
  readonly #rates = new BoundedMap<string, RateWindow>(MAX_OPERATORS);

  constructor(
    private readonly context: DashboardContext,
    private readonly deliveries: DeliveriesApi,
    private readonly rejections: RejectionsApi,
    private readonly rows: Rows,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'reveal' | 'limits'>,
  ) {}

  async delivery({ operator, params, body }: Call): Promise<RevealAnswer> {
    const { inbox, clock } = this.context.core;
    const reason = new BodyParser(body, ['reason']).text('reason', REVEAL_REASON_LENGTHS);
    const visible = await this.deliveries.visible(params.id, operator);
    const { id } = visible.summary;
    await this.record(id, operator, reason);
    const rawBody = (await inbox.find(id))?.rawBody ?? null;
    if (rawBody === null) throw unreadable({ now: clock.now(), row: this.rows.delivery(visible) });
    return this.answer(rawBody, null);
  }

  async rejection({ operator, params, body }: Call): Promise<RevealAnswer> {
    const { inbox, search, clock } = this.context.core;
    const reason = new BodyParser(body, ['reason']).text('reason', REVEAL_REASON_LENGTHS);
    const summary = await this.rejections.visible(params.id, operator);
    await this.record(summary.id, operator, reason);
    const details = await inbox.rejections.find(summary.id);
    if (!details || details.rawBody === null) throw unreadable({ now: clock.now(), row: this.rows.rejection(summary) });
    const { sessionId, tenant } = details;
    const standing = sessionId === null ? null : await search.standing(tenant, sessionId, this.settings.limits.timeout);
    if (!standing) return this.answer(details.rawBody, null);
    await inbox.actions.record({ action: 'reveal', targetId: standing.summary.id, ...actingOf(operator, reason) });
    return this.answer(details.rawBody, (await inbox.find(standing.summary.id))?.rawBody ?? null);
  }

  /**
   * Resolves once it is durable that the operator looks.
   *
   * @throws DashboardException 429, which is recorded too
   */
  private async record(targetId: string, operator: Operator, reason: string): Promise<void> {
    const { inbox, clock } = this.context.core;
    const now = clock.now();
    const rate = this.#rateOf(operator.id);
    const allowedAt = rate.allowedAt(1, now);
    const acting = actingOf(operator, reason);
    if (allowedAt > now) {
      await inbox.actions.record({ action: 'reveal-refused', targetId, ...acting });
      throw tooMany('You have looked at many contents in this minute. Wait a moment.', (allowedAt - now) / 1_000);
    }
    rate.begin(now);
    await inbox.actions.record({ action: 'reveal', targetId, ...acting });
  }

  private answer(payload: string, standing: string | null): RevealAnswer {
    const now = this.context.core.clock.now();
    return { now, payload, standing, hideAt: now + this.settings.reveal.hideAfter };
  }

  #rateOf(operator: string): RateWindow {
    const rate = this.#rates.get(operator) ?? new RateWindow(this.settings.reveal.perMinute, MINUTE_MS);
    this.#rates.set(operator, rate);
    return rate;
  }
}

function unreadable(body: { now: number; row: unknown }) {
  return conflict('UNREADABLE', 'Its contents were removed, or are sealed and do not open.', body);
}
