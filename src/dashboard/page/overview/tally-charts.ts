import type { TallyAnswer } from '../../api/contract.js';
import type { ChartData, ChartMark, ChartSeries } from '../parts/chart-data.js';
import { number } from '../parts/numbers.js';
import { duration } from '../time/format.js';
import { words } from '../words/index.js';

const text = words.charts;

type Counter = keyof TallyAnswer['points'][number]['counts'];
type Counted = readonly [counter: Counter, label: string, colour: string];

const OUTCOMES: readonly Counted[] = [
  ['completed', text.completed, 'completed'],
  ['completedAfterRetry', text.completedAfterRetry, 'processing'],
  ['failed', text.failed, 'pending'],
  ['dead', text.dead, 'dead'],
];

const RECEIPTS: readonly Counted[] = [
  ['accepted', text.accepted, 'completed'],
  ['duplicate', text.duplicate, 'processing'],
  ['conflict', text.conflict, 'unhandled'],
  ['rejected', text.rejected, 'pending'],
  ['unauthorized', text.unauthorized, 'line'],
  ['unavailable', text.unavailable, 'dead'],
];

/** Of a handler. */
const RUNS: readonly Counted[] = [
  ['completed', text.completedRuns, 'completed'],
  ['interrupted', text.interrupted, 'unhandled'],
  ['failed', text.failed, 'pending'],
  ['dead', text.dead, 'dead'],
];

function marksOf({ starts }: TallyAnswer): ChartMark[] {
  return starts.map(({ at, version }) => ({ at, label: version }));
}

function counts(tallies: TallyAnswer, title: string, counted: readonly Counted[]): ChartData {
  const series: ChartSeries[] = counted.map(([counter, label, colour]) => ({
    label,
    colour,
    values: tallies.points.map((point) => point.counts[counter] ?? 0),
  }));
  return {
    title,
    at: tallies.points.map(({ at }) => at),
    marks: marksOf(tallies),
    series,
    isStacked: true,
    format: number,
  };
}

function latency(tallies: TallyAnswer, title: string): ChartData {
  const colours = { p50: 'completed', p95: 'pending', p99: 'dead' } as const;
  const series = (['p50', 'p95', 'p99'] as const).map((part) => ({
    label: part,
    colour: colours[part],
    values: tallies.points.map((point) => point.latency?.[part] ?? null),
  }));
  const at = tallies.points.map((point) => point.at);
  return { title, at, marks: marksOf(tallies), series, isStacked: false, format: duration };
}

function oldestDue(tallies: TallyAnswer): ChartData {
  const values = tallies.points.map((point) => point.oldestDue);
  const series = [{ label: text.oldestDue, colour: 'pending', values }];
  const at = tallies.points.map((point) => point.at);
  return { title: text.oldestDueTitle, at, marks: marksOf(tallies), series, isStacked: false, format: duration };
}

/** Charts of the whole inbox. */
export function chartsOfInbox(tallies: TallyAnswer): ChartData[] {
  return [
    counts(tallies, text.outcomes, OUTCOMES),
    counts(tallies, text.receipts, RECEIPTS),
    latency(tallies, text.latency),
    oldestDue(tallies),
  ];
}

/** Charts of one handler. */
export function chartsOfHandler(tallies: TallyAnswer): ChartData[] {
  return [counts(tallies, text.runs, RUNS), latency(tallies, text.runLatency)];
}
