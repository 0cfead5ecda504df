import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { TallyRepository } from '../inbox/tally.repository.js';
import { percentileOf } from '../instance-reports/latency.histogram.js';
import { handlerOf, INBOX } from '../instance-reports/tally.recorder.js';
import { emptyTally, mergeInto, type Tally } from '../instance-reports/tally.js';
import { fields, finite, instant, invalid, MAX_MOMENT_MS, textUpTo, type Check } from '../option.checks.js';
import type { HandlerActivity } from './instance.view.js';
import type { Tallies, TallyPoint, TallyQuery } from './tally.view.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const STEPS_MS = [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS] as const;
const MAX_POINTS = 400;
const MAX_SUBJECT_LENGTH = 300;

const milliseconds: Check = (value, name) => {
  finite(value, name);
  if (Math.abs(value as number) > MAX_MOMENT_MS)
    throw invalid(`Option "${name}" is beyond every date. Pass milliseconds.`);
};
const moment: Check = (value, name) => (typeof value === 'number' ? milliseconds : instant)(value, name);
const checkQuery = fields({ subject: textUpTo(MAX_SUBJECT_LENGTH), from: moment, to: moment, step: milliseconds });

/** What a handler without an execution did. */
export const NO_ACTIVITY: HandlerActivity = { runs: 0, failures: 0, success: null, latency: null };

/** Reads counts of all instances, as points in time and by handler. */
@Injectable()
export class TallyReader {
  constructor(
    private readonly repository: TallyRepository,
    private readonly clock: Clock,
  ) {}

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  async read(query: TallyQuery): Promise<Tallies> {
    checkQuery(query, '');
    const { subject = INBOX } = query;
    const { from, to, step } = this.rangeOf(query);
    const width = step >= HOUR_MS ? 3_600 : 60;
    const points = Array.from({ length: (to - from) / step }, emptyTally);
    for await (const rows of this.repository.slices(width, { from, to, subject }))
      for (const { bucket, counts } of rows) {
        const point = points[Math.floor((bucket - from) / step)];
        if (point) mergeInto(point, JSON.parse(counts) as Tally);
      }
    const since = await this.repository.since();
    return { subject, from, to, step, since, points: points.map((point, n) => pointOf(point, from + n * step)) };
  }

  /** Returns the numbers of the last minutes together. */
  async recent(minutes: number): Promise<Readonly<Record<string, number>>> {
    const to = this.clock.now();
    const sum = emptyTally();
    for await (const rows of this.repository.slices(60, { from: to - minutes * MINUTE_MS, to, subject: INBOX }))
      for (const { counts } of rows) mergeInto(sum, JSON.parse(counts) as Tally);
    return sum.counts;
  }

  /**
   * Returns what handlers did in this hour of the clock and in the one before, by their ids. Rows of minutes would be
   * exact to the minute, and sixty times as many for each handler and instance.
   */
  async byHandler(): Promise<Map<string, HandlerActivity>> {
    const to = this.clock.now();
    const from = (Math.floor(to / HOUR_MS) - 1) * HOUR_MS;
    const sums = new Map<string, Tally>();
    for await (const rows of this.repository.slices(3_600, { from, to }))
      for (const { subject, counts } of rows) {
        const sum = sums.get(subject) ?? emptyTally();
        mergeInto(sum, JSON.parse(counts) as Tally);
        sums.set(subject, sum);
      }
    return new Map(
      [...sums].flatMap(([subject, sum]) => {
        const handler = handlerOf(subject);
        return handler === undefined ? [] : [[handler, activityOf(sum)] as const];
      }),
    );
  }

  private rangeOf({ from: begin, to: end = this.clock.now(), step: given }: TallyQuery) {
    if (begin === undefined) throw invalid('Option "from" is missing. Pass the first moment.');
    const [from, to] = [Number(begin), Number(end)];
    if (from >= to) throw invalid('Option "from" is not before "to". Write the earlier moment first.');
    const step = given ?? STEPS_MS.find((ms) => pointsOf(from, to, ms) <= MAX_POINTS) ?? 24 * HOUR_MS;
    if (step <= 0 || step % (step >= HOUR_MS ? HOUR_MS : MINUTE_MS) !== 0)
      throw invalid('Option "step" must be milliseconds of whole minutes, or of whole hours from an hour on.');
    if (pointsOf(from, to, step) > MAX_POINTS)
      throw invalid(`Option "step" gives more than ${MAX_POINTS} points. Raise it, or ask for a shorter time.`);
    return { from: Math.floor(from / step) * step, to: Math.ceil(to / step) * step, step };
  }
}

function pointsOf(from: number, to: number, step: number): number {
  return Math.ceil(to / step) - Math.floor(from / step);
}

function pointOf({ counts, latency, oldestDue }: Tally, at: number): TallyPoint {
  return { at, counts, latency: percentilesOf(latency), oldestDue: oldestDue ?? null };
}

function percentilesOf(latency: Tally['latency']): TallyPoint['latency'] {
  const count = Object.values(latency).reduce((sum, one) => sum + one, 0);
  const below = (share: number) => percentileOf(latency, count, share);
  return count === 0 ? null : { count, p50: below(0.5), p95: below(0.95), p99: below(0.99) };
}

function activityOf({ counts: { completed = 0, failed = 0, dead = 0 }, latency }: Tally): HandlerActivity {
  const failures = failed + dead;
  const runs = completed + failures;
  return { runs, failures, success: runs === 0 ? null : completed / runs, latency: percentilesOf(latency) };
}
