import { Inject, Injectable } from '@nestjs/common';
import type { ErrorGroup, ErrorGroups } from '../../operations/error-group.view.js';
import type { Instance } from '../../operations/instance.view.js';
import type { Tallies } from '../../operations/tally.view.js';
import { DashboardContext } from '../dashboard.context.js';
import type { Call } from '../dashboard.responder.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import type {
  ErrorListing,
  HandlerListing,
  InstanceListing,
  SecretListing,
  SettingListing,
  TallyAnswer,
} from './contract/statistics.js';
import { invalidFilter } from './dashboard.exception.js';
import { differencesNow, settingsOf } from './instance.comparison.js';
import { assertNoConditions, QueryParser } from './query.parser.js';
import { COUNTS_AGE_MS, SharedAnswers } from './shared.answer.js';
import { visibleTenants } from './visible.tenants.js';

const DAY_MS = 86_400_000;
/** Tenants whose errors are grouped for one operator. */
const MAX_TENANTS = 20;

/**
 * Answers what is counted and watched. Each question is asked of the database at most once in 10 seconds; who the
 * instances are, once in `refresh`.
 */
@Injectable()
export class StatisticsApi {
  readonly #tallies = new SharedAnswers<Tallies>(COUNTS_AGE_MS);
  readonly #handlers = new SharedAnswers<HandlerListing['items']>(COUNTS_AGE_MS);
  readonly #secrets = new SharedAnswers<SecretListing['items']>(COUNTS_AGE_MS);
  readonly #errors = new SharedAnswers<ErrorGroups>(COUNTS_AGE_MS);
  readonly #instances: SharedAnswers<Instance[]>;

  constructor(
    private readonly context: DashboardContext,
    @Inject(DASHBOARD_SETTINGS) settings: Pick<DashboardSettings, 'refresh'>,
  ) {
    this.#instances = new SharedAnswers(settings.refresh);
  }

  async tallies({ query }: Call): Promise<TallyAnswer> {
    const { inbox, clock } = this.context.core;
    const parser = new QueryParser(query, ['subject', 'from', 'to', 'step']);
    const from = parser.time('from');
    const to = parser.time('to');
    if (from === undefined) throw invalidFilter('"from" is missing: write a time in epoch milliseconds.');
    const subject = parser.text('subject', 300) ?? 'inbox';
    const step = parser.whole('step', 60_000, 31 * DAY_MS);
    const asked = { subject, from, ...(to !== undefined && { to }), ...(step !== undefined && { step }) };
    const tallies = await this.#tallies.get(JSON.stringify(asked), () => inbox.history.tallies(asked));
    const instances = await this.readInstances();
    const starts = instances
      .filter(({ startedAt }) => startedAt >= tallies.from && startedAt < tallies.to)
      .map(({ startedAt: at, host, version, appVersion }) => ({ at, host, version: appVersion ?? version }));
    return { now: clock.now(), ...tallies, starts };
  }

  async errors({ operator, query }: Call): Promise<ErrorListing> {
    const parser = new QueryParser(query, ['state', 'handler', 'tenant', 'from', 'to']);
    const [from, to] = [parser.time('from'), parser.time('to')];
    if ((from === undefined) !== (to === undefined)) throw invalidFilter('"from" and "to" go together.');
    const handler = parser.text('handler', 255);
    const filter = {
      state: parser.oneOf('state', ['dead', 'pending'] as const) ?? 'dead',
      ...(handler !== undefined && { handler }),
      ...(from !== undefined && to !== undefined && { receivedBetween: [from, to] as const }),
    };
    const tenants = visibleTenants(operator, parser.anyText('tenant', 255));
    if (tenants && tenants.length > MAX_TENANTS) throw invalidFilter('Name a "tenant": you may see many.');
    const each = tenants ? tenants.map((tenant) => ({ ...filter, tenant })) : [filter];
    const all = await Promise.all(each.map((one) => this.errorsOf(one)));
    return { now: this.context.core.clock.now(), ...joined(all) };
  }

  async handlers({ query }: Call): Promise<HandlerListing> {
    assertNoConditions(query);
    const { inbox, clock } = this.context.core;
    return { now: clock.now(), items: await this.#handlers.get('', () => inbox.monitor.handlers()) };
  }

  async secrets({ query }: Call): Promise<SecretListing> {
    assertNoConditions(query);
    const { inbox, clock } = this.context.core;
    return { now: clock.now(), items: await this.#secrets.get('', () => inbox.monitor.secrets()) };
  }

  async instances({ query }: Call): Promise<InstanceListing> {
    assertNoConditions(query);
    const all = await this.readInstances();
    const items = all.map(withoutSettings);
    return { now: this.context.core.clock.now(), items, differences: differencesNow(all) };
  }

  async settings({ query }: Call): Promise<SettingListing> {
    assertNoConditions(query);
    const { clock, defaultSettings } = this.context.core;
    return { now: clock.now(), items: settingsOf(await this.readInstances(), defaultSettings) };
  }

  private errorsOf(filter: Parameters<DashboardContext['core']['errors']>[0]): Promise<ErrorGroups> {
    return this.#errors.get(JSON.stringify(filter), () => this.context.core.errors(filter));
  }

  private readInstances(): Promise<Instance[]> {
    return this.#instances.get('', () => this.context.core.inbox.monitor.instances());
  }
}

function withoutSettings(instance: Instance): Omit<Instance, 'settings'> {
  const { settings, ...others } = instance;
  return settings ? others : instance;
}

/** Adds up the groups of several tenants. */
function joined(all: readonly ErrorGroups[]): ErrorGroups {
  const [first] = all;
  if (first && all.length === 1) return first;
  const groups = new Map<string, ErrorGroup>();
  for (const group of all.flatMap((one) => one.groups)) {
    const key = JSON.stringify([group.handler, group.error, group.reason]);
    const other = groups.get(key);
    groups.set(key, other ? together(other, group) : group);
  }
  return {
    groups: [...groups.values()].toSorted((a, b) => b.count - a.count),
    deliveries: all.reduce((sum, { deliveries }) => sum + deliveries, 0),
    isPartial: all.some(({ isPartial }) => isPartial),
  };
}

function together(one: ErrorGroup, other: ErrorGroup): ErrorGroup {
  const newest = one.lastAt >= other.lastAt ? one : other;
  return { ...newest, count: one.count + other.count, firstAt: Math.min(one.firstAt, other.firstAt) };
}
