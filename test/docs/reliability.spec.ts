import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import type { Results } from '../../harness/chaos/campaign.js';
import { faults } from '../../harness/chaos/faults/index.js';
import { missingIn } from '../../harness/chaos/report/completeness.js';
import { APPENDIX, DOCUMENT, resultsIn, withFigures } from '../../harness/chaos/report/document.js';
import { appendixOf } from '../../harness/chaos/report/markdown.js';
import { outOf } from '../../harness/chaos/report/statistics.js';
import { rowsOf, textOf } from '../support/sources/documents.js';

const text = readFileSync(DOCUMENT, 'utf8');
const appendix = readFileSync(APPENDIX, 'utf8');
const file = resultsIn(text);
const results = JSON.parse(readFileSync(file, 'utf8')) as Results;

describe('the figures of docs/reliability.md', () => {
  it('are what the harness makes of its results', () => {
    expect(withFigures(text, file, results)).toBe(text);
    expect(withFigures(appendix, file, results, appendixOf)).toBe(appendix);
  });

  it('would be found if somebody had written another one', () => {
    const [first, ...others] = results.figures;
    const figures = [{ ...first, acknowledged: 7 }, ...others] as Results['figures'];
    expect(withFigures(text, file, { ...results, figures })).not.toBe(text);
    expect(withFigures(appendix, file, { ...results, figures }, appendixOf)).not.toBe(appendix);
  });

  it('are those of the README', () => {
    const ours = `${counted(killsOf('ours', 'lost'))} of ${counted(killsOf('ours', 'acknowledged'))}`;
    const theirs = `${counted(killsOf('documented', 'lost'))} of ${counted(killsOf('documented', 'acknowledged'))}`;
    const bound = ((3 / killsOf('ours', 'trials')) * 100).toPrecision(2);
    const promises = [
      `Killed ${counted(killsOf('ours', 'trials'))} times under load, the module lost ${ours} acknowledged deliveries.`,
      `With 95 % confidence, at most ${bound} % of kills lose a delivery.`,
      `lost ${theirs} in ${counted(killsOf('documented', 'trials'))} kills.`,
    ];
    const readme = readFileSync('README.md', 'utf8');
    expect(promises.filter((promise) => !readme.includes(promise))).toEqual([]);
  });

  it('have controls that were seen to lose, on every database', () => {
    const seen = results.controls.filter(({ program, lost }) => program === 'documented' && lost > 0);
    expect(new Set(seen.map(({ database }) => database))).toEqual(new Set(['sqlite', 'postgres', 'mariadb']));
  });
});

// `npm run check:published` asks the real results before a release. A pull request may add a fault without figures.
describe('results that are to be published', () => {
  const measured = faults.filter(({ name }) => results.figures.some(({ fault }) => fault === name));
  const [first, ...others] = results.figures;

  it('lack nothing when every fault was measured on every database', () => {
    expect(missingIn(results, measured)).toEqual([]);
  });

  it.each([
    ['a new fault', results, [...measured, { name: 'meteor', databases: ['sqlite'] }], 'meteor on sqlite was not'],
    ['a fault that is gone', results, measured.slice(1), 'is measured, but is no fault'],
    ['a figure less', { ...results, figures: others }, measured, 'sigkill on sqlite was not measured'],
    ['few kills', { ...results, figures: [{ ...first, trials: 199 }, ...others] }, measured, 'had 199 trials'],
    ['no duplicates', { ...results, duplicates: [] }, measured, 'duplicates were sent 0 times'],
  ] as [string, Results, typeof faults, string][])('are refused with %s', (_, some, all, sentence) => {
    expect(missingIn(some, all).join(' ')).toContain(sentence);
  });
});

describe('the tests that find what the simulation cannot', () => {
  const rows = rowsOf(textOf(DOCUMENT, 'Simulation')).filter(([, found = '']) => found.startsWith('`test/'));

  it.each(rows)('are there: %s', (_, spec = '', fault = '') => {
    expect(existsSync(spec.replaceAll('`', ''))).toBe(true);
    expect(['', ...faults.map(({ name }) => name)]).toContain(fault.replaceAll('`', ''));
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
