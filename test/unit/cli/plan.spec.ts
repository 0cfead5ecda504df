import { describe, expect, it } from '@jest/globals';
import { validateContract } from '../../../src/contract/payload-validation.js';
import { fingerprint } from '../../../src/inbox/delivery.identity.js';
import { plan, countsOf, type PlanOptions, type Planned } from '../../../src/cli/plan.js';

function options(overrides: Partial<PlanOptions> = {}): PlanOptions {
  return {
    count: 1_000,
    duplicates: 0.2,
    conflicts: 0.01,
    status: 'COMPLETED',
    platformId: undefined,
    session: undefined,
    seed: 'a seed',
    ...overrides,
  };
}

function contentOf({ body }: Planned): string {
  const result = validateContract(JSON.parse(body));
  if (result.rejection) throw new Error(`The contract does not understand ${body}.`);
  return fingerprint(result.payload);
}

/** What a receiver makes of them, one after the other. */
function verdicts(planned: Iterable<Planned>): string[] {
  const recorded = new Map<string, string>();
  return [...planned].map((one) => {
    const first = recorded.get(one.sessionId);
    if (first === undefined) recorded.set(one.sessionId, contentOf(one));
    if (first === undefined) return 'accepted';
    return first === contentOf(one) ? 'duplicate' : 'conflict';
  });
}

const count = (words: string[], word: string) => words.filter((one) => one === word).length;

describe('a plan', () => {
  it.each([
    [{ count: 1_000, duplicates: 0.2, conflicts: 0.01 }, [790, 200, 10]],
    [{ count: 10, duplicates: 0.25, conflicts: 0 }, [7, 3, 0]],
    [{ count: 500, duplicates: 0, conflicts: 0.5 }, [250, 0, 250]],
    [{ count: 1, duplicates: 0, conflicts: 0 }, [1, 0, 0]],
    [{ count: 4, duplicates: 0.5, conflicts: 0.25 }, [1, 2, 1]],
  ])('%j has exactly so many sessions, duplicates and conflicts: %j', (given, expected) => {
    const { sessions, duplicates, conflicts } = countsOf(options(given));
    expect([sessions, duplicates, conflicts]).toEqual(expected);
    const made = verdicts(plan(options(given)));
    expect(['accepted', 'duplicate', 'conflict'].map((word) => count(made, word))).toEqual(expected);
  });

  it('is the same for the same seed, and another for another', () => {
    const [one, again, two] = ['one', 'one', 'two'].map((seed) => [...plan(options({ seed }))].map(({ body }) => body));
    expect(again).toEqual(one);
    expect(two).toHaveLength(1_000);
    const inOne = new Set(one);
    expect(two?.filter((body) => inOne.has(body))).toEqual([]);
  });

  it('has the status and the platform that are asked for, except in conflicts', () => {
    const all = [...plan(options({ status: 'TERMINATED', platformId: 3 }))];
    const payloads = all.map(({ body, after }) => ({
      ...(JSON.parse(body) as object),
      isConflict: after !== undefined,
    }));
    expect(payloads).toEqual(
      payloads.map(({ isConflict }) =>
        expect.objectContaining({ platformId: 3, status: isConflict ? 'COMPLETED' : 'TERMINATED' }),
      ),
    );
  });

  it('makes a conflict only after what it contradicts', () => {
    const begun: Planned[] = [];
    const early: Planned[] = [];
    for (const one of plan(options())) {
      if (one.after && !begun.some((before) => before === one.after && before.sessionId === one.sessionId))
        early.push(one);
      begun.push(one);
    }
    expect(begun.filter(({ after }) => after)).toHaveLength(10);
    expect(early).toEqual([]);
  });

  it('has no conflict twice, so that each is a rejection of its own', () => {
    const conflicts = [...plan(options({ count: 300, duplicates: 0, conflicts: 0.6 }))].filter(({ after }) => after);
    expect(new Set(conflicts.map(({ body }) => body)).size).toBe(180);
  });

  it('repeats sessions soon after they were sent, while they may still be under way', () => {
    const last = new Map<string, number>();
    const distances = [...plan(options({ count: 5_000 }))].flatMap(({ sessionId }, index) => {
      const before = last.get(sessionId);
      last.set(sessionId, index);
      return before === undefined ? [] : [index - before];
    });
    expect(Math.min(...distances)).toBe(1);
    expect(Math.max(...distances)).toBeLessThan(400);
  });

  it('is about one session when one is named', () => {
    const made = [...plan(options({ count: 10, duplicates: 0, conflicts: 0.2, session: 'the-one' }))];
    expect(new Set(made.map(({ sessionId }) => sessionId))).toEqual(new Set(['the-one']));
    const told = verdicts(made);
    expect([count(told, 'accepted'), count(told, 'duplicate'), count(told, 'conflict')]).toEqual([1, 7, 2]);
  });
});
