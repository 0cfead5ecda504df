import type { DatabaseKind } from '../support/database/databases.js';
import type { HostProgram } from './instance.js';
import type { Verdict } from './verdict.js';

/** What is summed over the trials. */
type Counts = Omit<Verdict, 'slowestAnswer' | 'firstAnswerAfter'>;

/** All trials of one fault on one database. */
export interface Figure extends Counts {
  readonly fault: string;
  readonly database: DatabaseKind;
  readonly program: HostProgram;
  readonly trials: number;
  readonly trialsWithLoss: number;
  /** Milliseconds; the slowest of all trials. */
  readonly slowestAnswer: number;
  /** Milliseconds from the end of a fault to the first 200; the longest of all trials. */
  readonly firstAnswerAfter: number;
  /** Trials in which no 200 came after the fault. */
  readonly unanswered: number;
}

/** Within this, a 200 comes after a fault. */
export const FIRST_ANSWER_WITHIN = 2_000;

export function figureOf(about: Pick<Figure, 'fault' | 'database' | 'program'>, verdicts: readonly Verdict[]): Figure {
  const sum = (which: keyof Counts) => verdicts.reduce((total, verdict) => total + verdict[which], 0);
  return {
    ...about,
    trials: verdicts.length,
    trialsWithLoss: verdicts.filter(({ lost }) => lost > 0).length,
    acknowledged: sum('acknowledged'),
    lost: sum('lost'),
    deliveries: sum('deliveries'),
    duplicated: sum('duplicated'),
    unreached: sum('unreached'),
    unfinished: sum('unfinished'),
    wronglyEnded: sum('wronglyEnded'),
    crashLoops: sum('crashLoops'),
    repeated: sum('repeated'),
    foreignEnds: sum('foreignEnds'),
    earlyTakeovers: sum('earlyTakeovers'),
    oddAnswers: sum('oddAnswers'),
    unavailable: sum('unavailable'),
    lateAnswers: sum('lateAnswers'),
    slowestAnswer: most(verdicts.map(({ slowestAnswer }) => slowestAnswer)),
    firstAnswerAfter: most(verdicts.map(({ firstAnswerAfter }) => firstAnswerAfter ?? 0)),
    unanswered: verdicts.filter(({ firstAnswerAfter }) => firstAnswerAfter === undefined).length,
  };
}

/** What breaks the promise, in words. */
export function complaintsOf(figure: Figure): string[] {
  const wrong: readonly (readonly [number, string])[] = [
    [figure.lost, 'acknowledged and lost'],
    [figure.duplicated, 'transactional effects twice'],
    [figure.unreached, 'completed without having reached every handler'],
    [figure.unfinished, 'not ended'],
    [figure.wronglyEnded, 'ended otherwise than they were meant to'],
    [figure.foreignEnds, 'ended by a worker that had lost its lease'],
    [figure.earlyTakeovers, 'taken over while their lease still ran'],
    [figure.oddAnswers, 'answers that were neither 200 nor 503'],
    [figure.lateAnswers, 'answers after ackTimeout, or none'],
    [figure.unanswered, 'trials without a 200 after the fault'],
  ];
  const complaints = wrong.filter(([times]) => times > 0).map(([times, what]) => `${times} ${what}`);
  if (figure.acknowledged === 0) complaints.push('nothing was acknowledged');
  if (figure.firstAnswerAfter > FIRST_ANSWER_WITHIN)
    complaints.push(`the first 200 came ${figure.firstAnswerAfter} ms after the fault`);
  return complaints;
}

function most(values: readonly number[]): number {
  return Math.round(values.reduce((a, b) => Math.max(a, b), 0));
}
