import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { faults } from '../../harness/chaos/faults/index.js';
import type { Results } from '../../harness/chaos/campaign.js';
import { resultsIn, withFigures } from '../../harness/chaos/report/document.js';
import { outOf } from '../../harness/chaos/report/statistics.js';

const text = readFileSync('docs/reliability.md', 'utf8');
const file = join('docs', resultsIn(text));
const results = JSON.parse(readFileSync(file, 'utf8')) as Results;

describe('the figures of docs/reliability.md', () => {
  it('are what the harness makes of its results', () => {
    expect(withFigures(text, file, results)).toBe(text);
  });

  it('would be found if somebody had written another one', () => {
    const [first, ...others] = results.figures;
    const figures = [{ ...first, acknowledged: 7 }, ...others] as Results['figures'];
    expect(withFigures(text, file, { ...results, figures })).not.toBe(text);
  });

  it('are of every fault on every database that has it, and of two hundred kills on each', () => {
    const measured = results.figures.map(({ fault, database }) => `${fault} on ${database}`);
    const all = faults.flatMap(({ name, databases }) => databases.map((database) => `${name} on ${database}`));
    expect(measured.toSorted()).toEqual(all.toSorted());
    const kills = results.figures.filter(({ fault }) => fault === 'sigkill');
    expect(kills.map(({ trials }) => trials >= 200)).toEqual([true, true, true]);
  });

  it('are of a thousand sessions in fifty copies on every database and platform', () => {
    const sent = results.duplicates.filter(({ program }) => program === 'ours');
    expect(sent).toHaveLength(6);
    expect(sent.filter(({ sessions, copies }) => sessions < 1_000 || copies < 50)).toEqual([]);
  });

  it('are those of the README', () => {
    const ours = `${counted(killsOf('ours', 'lost'))} of ${counted(killsOf('ours', 'acknowledged'))}`;
    const theirs = `${counted(killsOf('documented', 'lost'))} of ${counted(killsOf('documented', 'acknowledged'))}`;
    const bound = ((3 / killsOf('ours', 'trials')) * 100).toPrecision(2);
    const promises = [
      `Killed ${counted(killsOf('ours', 'trials'))} times under load, it lost ${ours} acknowledged deliveries (with 95 % confidence, at most ${bound} % of kills lose any).`,
      `lost ${theirs} to ${counted(killsOf('documented', 'trials'))} of the same kind.`,
    ];
    const readme = readFileSync('README.md', 'utf8');
    expect(promises.filter((promise) => !readme.includes(promise))).toEqual([]);
  });

  it('have controls that were seen to lose, on every database', () => {
    const seen = results.controls.filter(({ program, lost }) => program === 'documented' && lost > 0);
    expect(new Set(seen.map(({ database }) => database))).toEqual(new Set(['sqlite', 'postgres', 'mariadb']));
  });
});

describe('a zero', () => {
  it('has its denominator and its bound; what is not zero is marked', () => {
    expect(outOf(0, 200)).toBe('0 of 200 (≤ 1.5 %)');
    expect(outOf(3, 1_200)).toBe('**3** of 1 200');
    expect(outOf(0, 0)).toBe('0 of 0 (no bound)');
  });
});

function killsOf(program: string, column: 'trials' | 'acknowledged' | 'lost'): number {
  return [...results.figures, ...results.controls]
    .filter((figure) => figure.fault === 'sigkill' && figure.program === program)
    .reduce((all, figure) => all + figure[column], 0);
}

function counted(count: number): string {
  return count.toLocaleString('en');
}
