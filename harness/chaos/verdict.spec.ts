import { describe, expect, it } from '@jest/globals';
import type { Change } from './audit.js';
import { blindnessOf } from './controls.js';
import { complaintsOf, figureOf, type Figure } from './figures.js';
import { judge, type Course, type Verdict } from './verdict.js';

const posted = { session: 's', body: 'b', status: 200, sentAt: 0, endedAt: 10, to: 'ours-0-1', stoodStill: false };
const stored = { id: 'd', session: 's', body: 'b', state: 'completed', reason: null, duplicates: 0 };
const change = { delivery: 'd', by: 'a', from: null, to: 'processing', ownerBefore: null, owner: 'A', leaseLeft: null };
const taken = { ...change, by: 'b', from: 'processing', ownerBefore: 'A', owner: 'B', leaseLeft: -5 };
const ended = { ...change, from: 'processing', to: 'completed', ownerBefore: 'A', owner: null, leaseLeft: 900 };
const facts = [
  { session: 's', handler: 'begins', by: 'a' },
  { session: 's', handler: 'ends', by: 'a' },
] as const;
const evidence = {
  deliveries: [stored],
  rejections: [],
  kept: [],
  effects: new Map([['s', 1]]),
  audit: [change, ended] as Change[],
};
const good: Course = { posts: [posted], facts, evidence, patience: 3_000, firstAnswerAfter: 5 };

const complaints = (...verdicts: Verdict[]) =>
  complaintsOf(figureOf({ fault: 'sigkill', database: 'sqlite', program: 'ours' }, verdicts));
const complaintsWith = (changes: Partial<Course['evidence']>) =>
  complaints(judge({ ...good, evidence: { ...evidence, ...changes } }));

describe('a trial that keeps the promise', () => {
  it('has no complaints', () => {
    expect(complaints(judge(good))).toEqual([]);
  });

  it('may keep a contradiction as a rejection, and take over what has run out', () => {
    const posts = [posted, { ...posted, body: 'other' }];
    const audit = [change, taken, { ...ended, by: 'b', ownerBefore: 'B' }];
    expect(complaints(judge({ ...good, posts, evidence: { ...evidence, rejections: ['other'], audit } }))).toEqual([]);
  });

  it('may bury what has killed three workers, whoever finds it', () => {
    const buried = { ...ended, by: 'b', to: 'dead', leaseLeft: -5 };
    const deliveries = [{ ...stored, state: 'dead', reason: 'crash-loop' }];
    expect(complaintsWith({ deliveries, audit: [change, buried] })).toEqual([]);
  });

  it('is not asked for an answer of a process that stood still', () => {
    const late = { ...posted, endedAt: 9_000, stoodStill: true };
    expect(complaints(judge({ ...good, posts: [posted, late] }))).toEqual([]);
  });
});

describe('a trial', () => {
  it.each([
    ['acknowledged and lost', { deliveries: [] }],
    ['transactional effects twice', { effects: new Map([['s', 2]]) }],
    ['completed without having reached every handler', { effects: new Map<string, number>() }],
    ['not ended', { deliveries: [{ ...stored, state: 'pending' }] }],
    ['ended otherwise than they were meant to', { deliveries: [{ ...stored, state: 'dead', reason: 'handler' }] }],
    ['ended by a worker that had lost its lease', { audit: [change, taken, ended] }],
    ['taken over while their lease still ran', { audit: [change, { ...taken, leaseLeft: 900 }] }],
  ])('is complained of: %s', (complaint, changes) => {
    expect(complaintsWith(changes)).toEqual([`1 ${complaint}`]);
  });

  it.each([
    ['answers that were neither 200 nor 503', { posts: [posted, { ...posted, status: 500 }] }],
    ['answers after ackTimeout, or none', { posts: [{ ...posted, endedAt: 3_500 }] }],
    ['answers after ackTimeout, or none', { posts: [posted, { ...posted, status: undefined, endedAt: 3_500 }] }],
    ['trials without a 200 after the fault', { firstAnswerAfter: undefined }],
    ['completed without having reached every handler', { facts: facts.slice(0, 1) }],
  ])('is complained of, too: %s', (complaint, changes) => {
    expect(complaints(judge({ ...good, ...changes }))).toEqual([`1 ${complaint}`]);
  });

  it('is complained of when it says nothing, or when answers return late', () => {
    expect(complaints(judge({ ...good, posts: [] }))).toEqual(['nothing was acknowledged']);
    expect(complaints(judge({ ...good, firstAnswerAfter: 2_500 }))).toEqual([
      'the first 200 came 2500 ms after the fault',
    ]);
  });
});

const figure = (program: Figure['program'], changes: Partial<Figure>): Figure => ({
  ...figureOf({ fault: 'sigkill', database: 'sqlite', program }, [judge(good)]),
  ...changes,
});

describe('a control', () => {
  it('that loses nothing shows that the harness is blind', () => {
    expect(blindnessOf(figure('documented', {}))).toEqual([expect.stringContaining('lost nothing')]);
    expect(blindnessOf(figure('documented', { lost: 1 }))).toEqual([]);
  });

  it('that does nothing twice and nothing without its lease, too', () => {
    expect(blindnessOf(figure('careless', {}))).toHaveLength(2);
    expect(blindnessOf(figure('careless', { duplicated: 1, foreignEnds: 1 }))).toEqual([]);
  });
});
