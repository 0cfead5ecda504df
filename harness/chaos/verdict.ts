import { type Change } from './audit.js';
import { finalStates, type Evidence } from './evidence.js';
import { FAILS_FOR_GOOD } from './hosts/setting.js';
import type { SaidFact } from './instance.js';
import { acknowledged, type Posted } from './ledger.js';

/** What a trial is judged by. */
export interface Course {
  readonly posts: readonly Posted[];
  readonly facts: readonly SaidFact[];
  readonly evidence: Evidence;
  /** Milliseconds in which every answer must have come: `ackTimeout` and what the way takes. */
  readonly patience: number;
  /** Milliseconds from the end of the fault to the first 200; undefined when none came. */
  readonly firstAnswerAfter: number | undefined;
}

/** What came of one trial, in numbers. */
export interface Verdict {
  /** Different bodies that were answered 200. */
  readonly acknowledged: number;
  /** Of these, not stored. */
  readonly lost: number;
  readonly deliveries: number;
  /** Took effect more than once. */
  readonly duplicated: number;
  /** Completed without having taken effect, or without its other handler having ended. */
  readonly unreached: number;
  /** Not in a final state. */
  readonly unfinished: number;
  /** In another final state than it was meant to come to. */
  readonly wronglyEnded: number;
  /** Dead because their workers died, three times in a row. */
  readonly crashLoops: number;
  /** Begun more than once, as at least once allows. */
  readonly repeated: number;
  /** Ended by a worker after another had taken them over. */
  readonly foreignEnds: number;
  /** Taken over while the lease still ran. */
  readonly earlyTakeovers: number;
  /** Answers that are neither 200 nor 503. */
  readonly oddAnswers: number;
  readonly unavailable: number;
  readonly slowestAnswer: number;
  /** Answers that came later than that, or not at all. */
  readonly lateAnswers: number;
  readonly firstAnswerAfter: number | undefined;
}

/** By which a worker's idea of the database's clock may be off. */
const CLOCK_ERROR = 250;

export function judge({ posts, facts, evidence, patience, firstAnswerAfter }: Course): Verdict {
  const { deliveries, rejections, kept, effects, audit } = evidence;
  const safe = acknowledged(posts);
  const stored = new Set([...deliveries.map(({ body }) => body), ...rejections, ...kept]);
  const completed = deliveries.filter(({ state }) => state === 'completed');
  const crashLoops = deliveries.filter(({ reason }) => reason === 'crash-loop');
  const unfinished = deliveries.filter(({ state }) => !finalStates.includes(state));
  const wronglyEnded = deliveries.filter(
    (one) => finalStates.includes(one.state) && one.reason !== 'crash-loop' && one.state !== meantFor(one.body),
  );
  const ended = new Set(facts.filter(({ handler }) => handler === 'ends').map(({ session }) => session));
  const begun = facts.filter(({ handler }) => handler === 'begins').map(({ session }) => session);
  const timed = posts.filter(({ stoodStill }) => !stoodStill);
  const answers = timed.filter(({ status }) => status !== undefined);
  const late = timed.filter((post) => durationOf(post) > patience); // a connection that is lost is lost at once
  return {
    acknowledged: safe.size,
    lost: count([...safe], (body) => !stored.has(body)),
    deliveries: deliveries.length,
    duplicated: count([...effects.values()], (times) => times > 1),
    unreached: count(completed, ({ session }) => !effects.has(session) || !ended.has(session)),
    unfinished: unfinished.length,
    wronglyEnded: wronglyEnded.length,
    crashLoops: crashLoops.length,
    repeated: begun.length - new Set(begun).size,
    ...judgeLeases(audit),
    oddAnswers: count(answers, ({ status }) => status !== 200 && status !== 503),
    unavailable: count(answers, ({ status }) => status === 503),
    slowestAnswer: answers.reduce((slowest, post) => Math.max(slowest, durationOf(post)), 0),
    lateAnswers: late.length,
    firstAnswerAfter,
  };
}

/** Who had each delivery, and who ended it, as the database saw it. */
function judgeLeases(audit: readonly Change[]): { foreignEnds: number; earlyTakeovers: number } {
  const holders = new Map<string, string>();
  let foreignEnds = 0;
  let earlyTakeovers = 0;
  for (const { delivery, by, from, to, ownerBefore, owner, leaseLeft } of audit) {
    const isTaken = to === 'processing' && owner !== ownerBefore;
    const isEnd = from === 'processing' && to !== 'processing';
    const hasRunOut = (leaseLeft ?? 0) < CLOCK_ERROR;
    if (isTaken && from === 'processing' && !hasRunOut) earlyTakeovers++;
    if (isTaken) holders.set(delivery, by);
    // A crash loop is ended by whoever finds it, once its lease has run out.
    if (isEnd && holders.get(delivery) !== by && !(to === 'dead' && hasRunOut)) foreignEnds++;
  }
  return { foreignEnds, earlyTakeovers };
}

function meantFor(body: string): string {
  return body.includes(FAILS_FOR_GOOD) ? 'dead' : 'completed';
}

function durationOf({ sentAt, endedAt }: Posted): number {
  return endedAt - sentAt;
}

function count<T>(all: readonly T[], which: (one: T) => boolean): number {
  return all.filter(which).length;
}
