import { Inject, Injectable } from '@nestjs/common';
import { hash } from 'node:crypto';
import type { HealthProblem } from '../../operations/inbox.health.js';
import type { Tallies, TallyCounter, TallyPoint } from '../../operations/tally.view.js';
import { DashboardContext } from '../dashboard.context.js';
import { Answer, type Call } from '../dashboard.responder.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import type { Overview, OverviewNumbers, Problem } from './contract/statistics.js';
import { assertNoConditions } from './query.parser.js';
import { COUNTS_AGE_MS, SharedAnswers } from './shared.answer.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Counts of the last minutes and hours. */
type Counted = Pick<
  OverviewNumbers,
  'receivedPerMinute' | 'completedPerMinute' | 'refusedLastHour' | 'unavailableLastHour' | 'p50' | 'p99'
>;

/** Answers what is wrong, and the numbers of now. */
@Injectable()
export class OverviewApi {
  readonly #answers: SharedAnswers<{ readonly json: string; readonly tag: string }>;
  readonly #counted = new SharedAnswers<Counted>(COUNTS_AGE_MS);

  constructor(
    private readonly context: DashboardContext,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'refresh' | 'limits'>,
  ) {
    this.#answers = new SharedAnswers(settings.refresh);
  }

  /** Answers 304 to who has it already. All but `now` is compared. */
  async get({ query, headers }: Call): Promise<Answer> {
    assertNoConditions(query);
    const { json, tag } = await this.#answers.get('overview', () => this.read());
    const isKnown = headers['if-none-match'] === tag;
    return new Answer(isKnown ? 304 : 200, isKnown ? '' : json, { ETag: tag, 'Cache-Control': 'no-cache, private' });
  }

  private async read(): Promise<{ json: string; tag: string }> {
    const { inbox, clock } = this.context.core;
    const problems = (await inbox.monitor.problems()).map(toProblem);
    const overview: Overview = { now: clock.now(), problems, numbers: await this.numbers() };
    const { now, ...rest } = overview;
    const content = JSON.stringify(rest);
    return { json: JSON.stringify({ now, ...rest }), tag: `"${hash('sha256', content, 'hex').slice(0, 32)}"` };
  }

  private async numbers(): Promise<OverviewNumbers> {
    const { core } = this.context;
    const gauges = await core.readGauges(this.settings.refresh);
    const open = Object.values(gauges.openRejections).reduce((sum, count) => sum + count, 0);
    const { oldestDue, pending, processing, dead, unhandled } = gauges;
    return {
      oldestDue,
      pending,
      processing,
      dead,
      unhandled,
      openRejections: open,
      ...(await this.#counted.get('', () => this.count())),
      completedEstimate: await core.countCompleted(gauges),
      lastReceivedAt: await core.search.newestReceivedAt(this.settings.limits.timeout),
    };
  }

  private async count(): Promise<Counted> {
    const { history } = this.context.core.inbox;
    const now = this.context.core.clock.now();
    const minutes = await history.tallies({ from: now - HOUR_MS, to: now, step: MINUTE_MS });
    const hours = await history.tallies({ from: now - HOUR_MS, to: now, step: HOUR_MS });
    const hour = hours.points.findLast(({ latency }) => latency !== null); // none has completed in one that has just begun
    return { ...ratesOf(minutes), p50: hour?.latency?.p50 ?? null, p99: hour?.latency?.p99 ?? null };
  }
}

/** Returns the counts of the last full minute and of the last hour. */
function ratesOf({ points, since }: Tallies) {
  const last = points.at(-2);
  const isKnown = since !== null;
  const sum = (...counters: TallyCounter[]) =>
    isKnown ? points.reduce((total, point) => total + countOf(point, ...counters), 0) : null;
  return {
    receivedPerMinute: isKnown && last ? countOf(last, 'accepted') : null,
    completedPerMinute: isKnown && last ? countOf(last, 'completed', 'completedAfterRetry') : null,
    refusedLastHour: sum('refused', 'unauthorized'),
    unavailableLastHour: sum('unavailable'),
  };
}

function countOf({ counts }: TallyPoint, ...counters: TallyCounter[]): number {
  return counters.reduce((sum, counter) => sum + (counts[counter] ?? 0), 0);
}

function toProblem({ code, severity, message, value, remedy }: HealthProblem): Problem {
  return { code, severity, message, remedy: remedy ?? null, value: value ?? null };
}
