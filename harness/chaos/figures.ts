import type { DatabaseKind } from '../../test/support/database/databases.js';
import type { HostProgram } from './instance.js';
import type { TrialResult } from './checker.js';

/** The counts that are summed over the trials. */
type Counts = Omit<TrialResult, 'slowestAnswer' | 'firstAnswerAfter'>;
/** Counts that results from before 2026-11-27 do not have. */
type LaterCounts = Pick<Counts, 'partial' | 'openTransactions' | 'announced' | 'misreported'>;

/** The sum of all trials of one fault on one database. */
export interface Figure extends Omit<Counts, keyof LaterCounts>, Partial<LaterCounts> {
  readonly fault: string;
  readonly database: DatabaseKind;
  readonly program: HostProgram;
  readonly trials: number;
  readonly trialsWithLoss: number;
  /** Milliseconds; the maximum over the trials. */
  readonly slowestAnswer: number;
  /** Milliseconds from the end of a fault to the first 200; the maximum over the trials. */
  readonly firstAnswerAfter: number;
  /** Trials in which no 200 came after the fault. */
  readonly unanswered: number;
}

/** The first 200 after a fault must come within this. */
export const MAX_FIRST_ANSWER_MS = 2_000;

export function figureOf(
  about: Pick<Figure, 'fault' | 'database' | 'program'>,
  results: readonly TrialResult[],
): Figure {
  const sum = (which: keyof Counts) => results.reduce((total, result) => total + result[which], 0);
  return {
    ...about,
    trials: results.length,
    trialsWithLoss: results.filter(({ lost }) => lost > 0).length,
    acknowledged: sum('acknowledged'),
    lost: sum('lost'),
    deliveries: sum('deliveries'),
    duplicated: sum('duplicated'),
    unreached: sum('unreached'),
    partial: sum('partial'),
    unfinished: sum('unfinished'),
    wronglyEnded: sum('wronglyEnded'),
    crashLoops: sum('crashLoops'),
    repeated: sum('repeated'),
    foreignEnds: sum('foreignEnds'),
    earlyTakeovers: sum('earlyTakeovers'),
    announced: sum('announced'),
    misreported: sum('misreported'),
    openTransactions: sum('openTransactions'),
    oddAnswers: sum('oddAnswers'),
    unavailable: sum('unavailable'),
    lateAnswers: sum('lateAnswers'),
    slowestAnswer: maximum(results.map(({ slowestAnswer }) => slowestAnswer)),
    firstAnswerAfter: maximum(results.map(({ firstAnswerAfter }) => firstAnswerAfter ?? 0)),
    unanswered: results.filter(({ firstAnswerAfter }) => firstAnswerAfter === undefined).length,
  };
}

/** Returns what breaks the promise, in words. */
export function violations(figure: Figure): string[] {
  const wrong: readonly (readonly [number, string])[] = [
    [figure.lost, 'acknowledged and lost'],
    [figure.duplicated, 'transactional effects twice'],
    [figure.unreached, 'completed without having reached every handler'],
    [figure.partial ?? 0, 'with one part of their effect, and not the other'],
    [figure.unfinished, 'not in a final state'],
    [figure.wronglyEnded, 'in another final state than expected'],
    [figure.foreignEnds, 'ended by a worker that had lost its lease'],
    [figure.earlyTakeovers, 'taken over before their lease had expired'],
    [figure.misreported ?? 0, 'announced as accepted or completed, and not so'],
    [figure.openTransactions ?? 0, 'transactions left open'],
    [figure.oddAnswers, 'answers that were neither 200 nor 503'],
    [figure.lateAnswers, 'answers after ackTimeout, or none'],
    [figure.unanswered, 'trials without a 200 after the fault'],
  ];
  const found = wrong.filter(([times]) => times > 0).map(([times, what]) => `${times} ${what}`);
  if (figure.acknowledged === 0) found.push('nothing was acknowledged');
  if (figure.program === 'ours' && figure.announced === 0) found.push('nothing was announced');
  if (figure.firstAnswerAfter > MAX_FIRST_ANSWER_MS)
    found.push(`the first 200 came ${figure.firstAnswerAfter} ms after the fault`);
  return found;
}

function maximum(values: readonly number[]): number {
  return Math.round(values.reduce((a, b) => Math.max(a, b), 0));
}
