import { describe, expect, it } from '@jest/globals';
import type { FinalState, StoredDelivery, StoredEffect, StoredRun } from './audit.js';
import { brokenRules } from './checker.js';
import { History } from './world/history.js';
import { Scripts } from './world/scripts.js';

const completed: StoredDelivery = {
  id: 'd1',
  session: 's1',
  content: 'a',
  state: 'completed',
  reason: null,
  isLeased: false,
};
const effect = (part: string): StoredEffect => ({ session: 's1', handler: 'ledger', content: 'a', part });
const run = (fields: Partial<StoredRun>): StoredRun => ({
  deliveryId: 'd1',
  handler: 'notify',
  state: 'completed',
  attempts: 1,
  ...fields,
});

function history(change: (history: History) => void = () => {}): History {
  const seen = new History(new Scripts(2));
  seen.acknowledge('s1', 'a');
  seen.returned('s1', 'notify', 'a');
  seen.returned('s1', 'ledger', 'a');
  change(seen);
  return seen;
}

function rules(state: Partial<FinalState>, seen = history(), incidents = 0): string[] {
  const good: FinalState = {
    deliveries: [completed],
    runs: [],
    rejected: new Set(),
    effects: [effect('debit'), effect('credit')],
  };
  return brokenRules({ history: seen, state: { ...good, ...state }, incidents, unrecorded: new Set() });
}

function endsAs(state: string, reason: string | null = null): string[] {
  return rules({ deliveries: [{ ...completed, state, reason }], effects: [], runs: [run({ state: 'dead' })] });
}

describe('the checker', () => {
  it('has nothing to say about a schedule that went well', () => {
    expect(rules({})).toEqual([]);
  });

  it('misses what was acknowledged and is nowhere', () => {
    const seen = history((one) => one.acknowledge('s1', 'b'));
    expect(rules({}, seen)).toEqual(['s1 b was acknowledged and is lost']);
    expect(rules({ rejected: new Set(['s1 b']) }, seen)).toEqual([]);
  });

  it('counts effects, and compares their parts', () => {
    expect(rules({ effects: [] })).toEqual(['ledger of s1 a took effect 0 and 0 times']);
    expect(rules({ effects: [effect('debit')] })).toEqual(['ledger of s1 a took effect 1 and 0 times']);
    const twice = ['debit', 'credit', 'debit', 'credit'].map(effect);
    expect(rules({ effects: twice })).toEqual(['ledger of s1 a took effect 2 and 2 times']);
    expect(
      rules(
        { effects: twice },
        history((one) => one.replayed('s1', 'ledger')),
      ),
    ).toEqual([]);
  });

  it('sees what a transaction has written after its end', () => {
    expect(rules({ effects: ['debit', 'credit', 'late'].map(effect) })).toEqual(['ledger of s1 wrote after its end']);
  });

  it('sees a handler that was never called to its end', () => {
    const seen = new History(new Scripts(2));
    seen.returned('s1', 'ledger', 'a');
    expect(rules({}, seen)).toEqual(['s1 a is completed, and notify has never returned']);
  });

  it('sees a completed delivery with an unfinished run, or with a lease', () => {
    expect(rules({ runs: [run({ state: 'pending' })] })).toEqual([
      's1 is completed with a run of notify that is pending',
    ]);
    expect(rules({ deliveries: [{ ...completed, isLeased: true }] })).toEqual(['s1 is completed with a lease']);
  });

  it('sees a delivery that comes to no end, or to one that nobody has chosen', () => {
    expect(endsAs('processing')).toEqual(['s1 ends processing']);
    expect(endsAs('discarded')).toEqual(['s1 is discarded by nobody']);
    expect(endsAs('dead', 'handler')).toEqual(['notify of s1 is dead, and could succeed']);
    expect(endsAs('dead', 'crash-loop')).toEqual(['s1 is dead by a crash loop after 0 kills']);
  });

  it('accepts a crash loop where leases have run out three times', () => {
    const dead = { ...completed, state: 'dead', reason: 'crash-loop' };
    expect(rules({ deliveries: [dead], effects: [] }, history(), 3)).toEqual([]);
  });
});
