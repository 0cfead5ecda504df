import { plainTable, thousands } from '../report/plain-table.js';
import { median, spread } from '../report/statistics.js';
import { backlogRatio, labelOf, type BacklogPlan, type BacklogRun } from './rounds.js';

export function backlogTable(runs: readonly BacklogRun[], { engines, jobs }: BacklogPlan): string {
  const rows = engines.map((engine) => {
    const its = runs.filter((run) => run.engine === engine);
    return [
      labelOf(engine),
      thousands(median(its.map(({ rate }) => rate))),
      spread(its.map(({ rate }) => rate)),
      backlogRatio(runs, 'ours', engine)?.toFixed(2) ?? '–',
      median(its.map(({ seconds }) => seconds)).toFixed(1),
      its.some((run) => run.runs > jobs) ? 'some' : 'none',
    ];
  });
  return plainTable([`${thousands(jobs)} waiting`, 'jobs/s', 'spread', 'this module ÷', 'seconds', 'run twice'], rows);
}
