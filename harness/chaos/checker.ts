import type { Change } from './audit.js';
import { finalStates, type FinalState } from './final-state.js';
import { FAILS_FOR_GOOD, nestedPartOf } from './hosts/host-settings.js';
import type { Announcement, HandlerEvent } from './instance.js';
import { acknowledgedBodies, type Post } from './history.js';

/** Everything that was seen of one trial. */
export interface Observations {
  readonly posts: readonly Post[];
  readonly handlerEvents: readonly HandlerEvent[];
  /** What the module announced, to whoever observes it. */
  readonly announcements: readonly Announcement[];
  readonly finalState: FinalState;
  /** Every answer must come within this: `ackTimeout`, and a margin for the machine. */
  readonly maxAnswerMs: number;
  /** Milliseconds from the end of the fault to the first 200; undefined when none came. */
  readonly firstAnswerAfter: number | undefined;
  /** Transactions that were left open. */
  readonly openTransactions: number;
  /** True if leases may end early, because they follow a clock that jumps. */
  readonly mayEndLeasesEarly: boolean;
  /** True if every effect has two parts, of which one is in a nested transaction. */
  readonly nestsTransactions: boolean;
}

/** The counts of one trial. */
export interface TrialResult {
  /** Distinct bodies that were answered 200. */
  readonly acknowledged: number;
  /** Acknowledged bodies that are not stored. */
  readonly lost: number;
  readonly deliveries: number;
  /** Sessions that took effect more than once. */
  readonly duplicated: number;
  /** Deliveries that completed without their effect, or before their plain handler ended, or with an unfinished run. */
  readonly unreached: number;
  /** Sessions of which one part of the effect was committed without the other. */
  readonly partial: number;
  /** Deliveries that are not in a final state. */
  readonly unfinished: number;
  /** Deliveries in another final state than the expected one. */
  readonly wronglyEnded: number;
  /** Deliveries that are dead because their workers died, three times in a row. */
  readonly crashLoops: number;
  /** Handler runs beyond the first of each session, which at-least-once allows. */
  readonly repeated: number;
  /** Deliveries that a worker ended after it had lost the lease. */
  readonly foreignEnds: number;
  /** Deliveries that were taken over before the lease had expired. */
  readonly earlyTakeovers: number;
  /** Announcements of deliveries that were accepted or completed. */
  readonly announced: number;
  /** Deliveries that were announced as accepted or completed, and are not. */
  readonly misreported: number;
  /** Transactions that were left open. */
  readonly openTransactions: number;
  /** Answers that are neither 200 nor 503. */
  readonly oddAnswers: number;
  /** Answers 503. */
  readonly unavailable: number;
  /** Milliseconds. */
  readonly slowestAnswer: number;
  /** Answers after `maxAnswerMs`, and posts without an answer. */
  readonly lateAnswers: number;
  /** Milliseconds from the end of the fault to the first 200; undefined when none came. */
  readonly firstAnswerAfter: number | undefined;
}

/** A worker's estimate of the database's clock may be wrong by this much. */
const CLOCK_ERROR_MS = 250;

/** Compares what was acknowledged with what is stored, has taken effect and was run. */
export function check(observations: Observations): TrialResult {
  const { posts, handlerEvents, finalState, maxAnswerMs, firstAnswerAfter } = observations;
  const { deliveries, rejections, handledBodies, effects, unfinishedRuns, audit } = finalState;
  const acknowledged = acknowledgedBodies(posts);
  const stored = new Set([...deliveries.map(({ body }) => body), ...rejections, ...handledBodies]);
  const completed = deliveries.filter(({ state }) => state === 'completed');
  const crashLoops = deliveries.filter(({ reason }) => reason === 'crash-loop');
  const unfinished = deliveries.filter(({ state }) => !finalStates.includes(state));
  const wronglyEnded = deliveries.filter(
    (one) => finalStates.includes(one.state) && one.reason !== 'crash-loop' && one.state !== expectedState(one.body),
  );
  const ended = new Set(handlerEvents.filter(({ handler }) => handler === 'ends').map(({ session }) => session));
  const begun = handlerEvents.filter(({ handler }) => handler === 'begins').map(({ session }) => session);
  const timed = posts.filter(({ wasSuspended }) => !wasSuspended);
  const answers = timed.filter(({ status }) => status !== undefined);
  const late = timed.filter((post) => durationOf(post) > maxAnswerMs); // a lost connection is noticed at once
  return {
    acknowledged: acknowledged.size,
    lost: count([...acknowledged], (body) => !stored.has(body)),
    deliveries: deliveries.length,
    duplicated: count([...effects.values()], (times) => times > 1),
    unreached: count(
      completed,
      ({ id, session }) => !effects.has(session) || !ended.has(session) || unfinishedRuns.has(id),
    ),
    partial: observations.nestsTransactions
      ? count(deliveries, ({ session }) => effects.has(session) !== effects.has(nestedPartOf(session)))
      : 0,
    unfinished: unfinished.length,
    wronglyEnded: wronglyEnded.length,
    crashLoops: crashLoops.length,
    repeated: begun.length - new Set(begun).size,
    ...checkLeases(audit, observations.mayEndLeasesEarly),
    announced: observations.announcements.length,
    misreported: misreportedOf(observations),
    openTransactions: observations.openTransactions,
    oddAnswers: count(answers, ({ status }) => status !== 200 && status !== 503),
    unavailable: count(answers, ({ status }) => status === 503),
    slowestAnswer: answers.reduce((slowest, post) => Math.max(slowest, durationOf(post)), 0),
    lateAnswers: late.length,
    firstAnswerAfter,
  };
}

/** Counts announcements of what is not so. A process that is killed may have announced less. */
function misreportedOf({ announcements, finalState: { deliveries } }: Observations): number {
  const states = new Map(deliveries.map(({ id, state }) => [id, state]));
  return count(announcements, ({ announced, delivery }) =>
    announced === 'accepted' ? !states.has(delivery) : states.get(delivery) !== 'completed',
  );
}

/** Follows the owner of each delivery through the audit of the database. */
function checkLeases(audit: readonly Change[], mayEndEarly: boolean): { foreignEnds: number; earlyTakeovers: number } {
  const holders = new Map<string, string>();
  let foreignEnds = 0;
  let earlyTakeovers = 0;
  for (const { delivery, by, from, to, ownerBefore, owner, leaseLeft } of audit) {
    const isClaimed = to === 'processing' && owner !== ownerBefore;
    const isEnd = from === 'processing' && to !== 'processing';
    const isExpired = mayEndEarly || (leaseLeft ?? 0) < CLOCK_ERROR_MS;
    if (isClaimed && from === 'processing' && !isExpired) earlyTakeovers++;
    if (isClaimed) holders.set(delivery, by);
    // Any worker may end a crash loop, once its lease has expired.
    if (isEnd && holders.get(delivery) !== by && !(to === 'dead' && isExpired)) foreignEnds++;
  }
  return { foreignEnds, earlyTakeovers };
}

function expectedState(body: string): string {
  return body.includes(FAILS_FOR_GOOD) ? 'dead' : 'completed';
}

function durationOf({ sentAt, endedAt }: Post): number {
  return endedAt - sentAt;
}

function count<T>(all: readonly T[], which: (one: T) => boolean): number {
  return all.filter(which).length;
}
