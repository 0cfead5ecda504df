import { Inject, Injectable } from '@nestjs/common';
import { ACTION_NAMES, type ActionName } from '../../instrumentation/action.names.js';
import { DashboardContext } from '../dashboard.context.js';
import type { Call } from '../dashboard.responder.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import type { ActionRow } from './contract/actions.js';
import type { Page } from './contract/common.js';
import { invalidFilter } from './dashboard.exception.js';
import { pageAskedFor, toPage } from './pages.js';
import { QueryParser } from './query.parser.js';
import { toAction } from './rows.js';

/** Answers what operators did. */
@Injectable()
export class ActionsApi {
  constructor(
    private readonly context: DashboardContext,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'limits'>,
  ) {}

  async list({ operator, query }: Call): Promise<Page<ActionRow>> {
    const { limits } = this.settings;
    const { search, clock } = this.context.core;
    const parser = new QueryParser(query, ['operator', 'action', 'target', 'from', 'to', 'bulk', 'cursor', 'limit']);
    const filter = conditionsIn(parser);
    const { limit, after } = pageAskedFor(parser, filter, limits);
    const found = await search.actions(filter, after, { limit, scan: limits.scan, timeoutMs: limits.timeout });
    return toPage({ ...found, items: found.items.map(toAction) }, filter, { now: clock.now(), operator });
  }
}

function conditionsIn(parser: QueryParser) {
  const [from, to] = [parser.time('from'), parser.time('to')];
  if ((from === undefined) !== (to === undefined)) throw invalidFilter('"from" and "to" go together.');
  const operator = parser.text('operator', 255);
  const action = parser.oneOf('action', Object.keys(ACTION_NAMES) as ActionName[]);
  const targetId = parser.text('target', 36);
  return {
    ...(operator !== undefined && { operator }),
    ...(action !== undefined && { action }),
    ...(targetId !== undefined && { targetId }),
    ...(from !== undefined && to !== undefined && { actedBetween: [from, to] as const }),
    includeBulk: parser.oneOf('bulk', ['true', 'false'] as const) !== 'false',
  };
}
