import { describe, expect, it } from '@jest/globals';
import type { Change } from './audit.js';
import { check, type Observations, type TrialResult } from './checker.js';
import { undetectedControls } from './controls.js';
import { figureOf, violations, type Figure } from './figures.js';

const post = { session: 's', body: 'b', status: 200, sentAt: 0, endedAt: 10, to: 'ours-0-1', wasSuspended: false };
const stored = { id: 'd', session: 's', body: 'b', state: 'completed', reason: null, duplicates: 0 };
const change = { delivery: 'd', by: 'a', from: null, to: 'processing', ownerBefore: null, owner: 'A', leaseLeft: null };
const taken = { ...change, by: 'b', from: 'processing', ownerBefore: 'A', owner: 'B', leaseLeft: -5 };
const ended = { ...change, from: 'processing', to: 'completed', ownerBefore: 'A', owner: null, leaseLeft: 900 };
const handlerEvents = [
  { session: 's', handler: 'begins', by: 'a' },
  { session: 's', handler: 'ends', by: 'a' },
] as const;
const finalState = {
  deliveries: [stored],
  rejections: [],
  handledBodies: [],
  effects: new Map([['s', 1]]),
  unfinishedRuns: new Set<string>(),
  audit: [change, ended] as Change[],
};
const good: Observations = {
  posts: [post],
  handlerEvents,
  announcements: [{ announced: 'accepted', delivery: 'd' }],
  finalState,
  maxAnswerMs: 3_000,
  firstAnswerAfter: 5,
  openTransactions: 0,
  mayEndLeasesEarly: false,
  nestsTransactions: false,
};

const violationsOf = (...results: TrialResult[]) =>
  violations(figureOf({ fault: 'sigkill', database: 'sqlite', program: 'ours' }, results));
const violationsWith = (changes: Partial<Observations['finalState']>) =>
  violationsOf(check({ ...good, finalState: { ...finalState, ...changes } }));

const violationsOfEffects = (...keys: string[]) => {
  const effects = new Map(keys.map((key) => [key, 1]));
  return violationsOf(check({ ...good, nestsTransactions: true, finalState: { ...finalState, effects } }));
};

describe('a trial that keeps the promise', () => {
  it('has no violations', () => {
    expect(violationsOf(check(good))).toEqual([]);
  });

  it('may record a contradiction as a rejection, and take over an expired lease', () => {
    const posts = [post, { ...post, body: 'other' }];
    const audit = [change, taken, { ...ended, by: 'b', ownerBefore: 'B' }];
    expect(
      violationsOf(check({ ...good, posts, finalState: { ...finalState, rejections: ['other'], audit } })),
    ).toEqual([]);
  });

  it('may end a delivery that has killed three workers, whichever worker finds it', () => {
    const deadLettered = { ...ended, by: 'b', to: 'dead', leaseLeft: -5 };
    const deliveries = [{ ...stored, state: 'dead', reason: 'crash-loop' }];
    expect(violationsWith({ deliveries, audit: [change, deadLettered] })).toEqual([]);
  });

  it('is not asked for an answer of a process that was suspended', () => {
    const late = { ...post, endedAt: 9_000, wasSuspended: true };
    expect(violationsOf(check({ ...good, posts: [post, late] }))).toEqual([]);
  });
});

function violationsOfAnnouncement(what: 'accepted' | 'completed', delivery: string, state = 'completed'): string[] {
  const body = state === 'dead' ? 'fails-for-good' : 'b';
  const posts = [{ ...post, body }];
  const announcements = [{ announced: what, delivery }];
  const changed = { ...finalState, deliveries: [{ ...stored, body, state }] };
  return violationsOf(check({ ...good, posts, announcements, finalState: changed }));
}

describe('what is announced', () => {
  it('is something', () => {
    expect(violationsOf(check({ ...good, announcements: [] }))).toEqual(['nothing was announced']);
  });

  it('is stored, and has completed', () => {
    expect(violationsOfAnnouncement('accepted', 'd')).toEqual([]);
    expect(violationsOfAnnouncement('completed', 'd')).toEqual([]);
    const found = ['1 announced as accepted or completed, and not so'];
    expect(violationsOfAnnouncement('accepted', 'another')).toEqual(found);
    expect(violationsOfAnnouncement('completed', 'd', 'dead')).toEqual(found);
  });
});

describe('an effect of which a part is in a nested transaction', () => {
  it('has both parts or none', () => {
    expect(violationsOfEffects('s', 'nested/s')).toEqual([]);
    expect(violationsOfEffects('s')).toEqual(['1 with one part of their effect, and not the other']);
    expect(violationsOfEffects('nested/s')).toContain('1 with one part of their effect, and not the other');
  });
});

describe('a lease that follows a clock that jumps', () => {
  it('may end early, and is still needed to end a delivery', () => {
    const audit = [change, { ...taken, leaseLeft: 900 }, { ...ended, by: 'b', ownerBefore: 'B' }];
    const observed = { ...good, mayEndLeasesEarly: true };
    expect(violationsOf(check({ ...observed, finalState: { ...finalState, audit } }))).toEqual([]);
    const foreign = { ...finalState, audit: [change, { ...taken, leaseLeft: 900 }, ended] };
    expect(violationsOf(check({ ...observed, finalState: foreign }))).toEqual([
      '1 ended by a worker that had lost its lease',
    ]);
  });
});

describe('a trial', () => {
  it.each([
    ['acknowledged and lost', { deliveries: [{ ...stored, body: 'another' }] }],
    ['transactional effects twice', { effects: new Map([['s', 2]]) }],
    ['completed without having reached every handler', { effects: new Map<string, number>() }],
    ['completed without having reached every handler', { unfinishedRuns: new Set(['d']) }],
    ['not in a final state', { deliveries: [{ ...stored, state: 'pending' }] }],
    ['in another final state than expected', { deliveries: [{ ...stored, state: 'dead', reason: 'handler' }] }],
    ['ended by a worker that had lost its lease', { audit: [change, taken, ended] }],
    ['taken over before their lease had expired', { audit: [change, { ...taken, leaseLeft: 900 }] }],
  ])('violates the promise: %s', (violation, changes) => {
    expect(violationsWith(changes)).toEqual([`1 ${violation}`]);
  });

  it.each([
    ['answers that were neither 200 nor 503', { posts: [post, { ...post, status: 500 }] }],
    ['answers after ackTimeout, or none', { posts: [{ ...post, endedAt: 3_500 }] }],
    ['answers after ackTimeout, or none', { posts: [post, { ...post, status: undefined, endedAt: 3_500 }] }],
    ['trials without a 200 after the fault', { firstAnswerAfter: undefined }],
    ['transactions left open', { openTransactions: 1 }],
    ['completed without having reached every handler', { handlerEvents: handlerEvents.slice(0, 1) }],
  ])('violates it, too: %s', (violation, changes) => {
    expect(violationsOf(check({ ...good, ...changes }))).toEqual([`1 ${violation}`]);
  });

  it('violates it when nothing is acknowledged, or when answers return late', () => {
    expect(violationsOf(check({ ...good, posts: [] }))).toEqual(['nothing was acknowledged']);
    expect(violationsOf(check({ ...good, firstAnswerAfter: 2_500 }))).toEqual([
      'the first 200 came 2500 ms after the fault',
    ]);
  });
});

const figure = (program: Figure['program'], changes: Partial<Figure>): Figure => ({
  ...figureOf({ fault: 'sigkill', database: 'sqlite', program }, [check(good)]),
  ...changes,
});

describe('a control', () => {
  it('that loses nothing is reported as undetected', () => {
    expect(undetectedControls(figure('documented', {}))).toEqual([expect.stringContaining('lost nothing')]);
    expect(undetectedControls(figure('documented', { lost: 1 }))).toEqual([]);
  });

  it('that reaches every handler, or leaves nothing open, too', () => {
    expect(undetectedControls(figure('forgetful', {}))).toHaveLength(1);
    expect(undetectedControls(figure('forgetful', { unreached: 1 }))).toEqual([]);
    expect(undetectedControls(figure('leaky', {}))).toHaveLength(2);
    expect(undetectedControls(figure('leaky', { partial: 1, openTransactions: 1 }))).toEqual([]);
  });

  it('that repeats no effect and keeps to its leases, too', () => {
    expect(undetectedControls(figure('broken', {}))).toHaveLength(2);
    expect(undetectedControls(figure('broken', { duplicated: 1, foreignEnds: 1 }))).toEqual([]);
  });
});
