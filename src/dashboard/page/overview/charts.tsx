import { useEffect, useState } from 'preact/hooks';
import type { TallyAnswer } from '../../api/contract.js';
import { usePoll } from '../api/use-poll.js';
import { addressOf, type Route } from '../app/router.js';
import { Chart } from '../parts/chart.js';
import type { ChartData } from '../parts/chart-data.js';
import { Polled } from '../parts/poll-state.js';
import { serverTime } from '../time/server-time.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';
import { SPANS, spanOf, type Span } from './spans.js';

const text = words.charts;

/** The end of the charts, moved with the server's time once a point. */
function useEnd(step: number): number {
  const round = () => Math.ceil(serverTime() / step) * step;
  const [end, setEnd] = useState(round);
  useEffect(() => {
    setEnd(round());
    const timer = setInterval(() => setEnd(round()), 1_000);
    return () => clearInterval(timer);
  }, [step]);
  return end;
}

function SpanChoice({ span, route: { page, id } }: { span: Span; route: Route }) {
  return (
    <nav class="choice" aria-label={text.span}>
      {(Object.keys(SPANS) as Span[]).map((name) => (
        <a key={name} href={addressOf(page, id, { span: name })} aria-current={name === span ? 'true' : undefined}>
          {text.spans[name]}
        </a>
      ))}
    </nav>
  );
}

interface Props {
  readonly route: Route;
  /** `inbox`, or `handler:<id>`. */
  readonly subject: string;
  readonly chartsOf: (tallies: TallyAnswer) => ChartData[];
}

/** How it has been: numbers over a time that the viewer chooses. */
export function Charts({ route, subject, chartsOf }: Props) {
  const span = spanOf(route.filters.get('span'));
  const { length, step } = SPANS[span];
  const end = useEnd(step);
  const query = new URLSearchParams({ subject, from: `${end - length}`, to: `${end}`, step: `${step}` });
  const poll = usePoll<TallyAnswer>(`tallies?${query}`, 10);
  return (
    <section aria-labelledby="charts-heading">
      <div class="heading-line">
        <h2 id="charts-heading">{text.heading}</h2>
        <SpanChoice span={span} route={route} />
      </div>
      <Polled poll={poll}>{(tallies) => <Drawn tallies={tallies} charts={chartsOf(tallies)} length={length} />}</Polled>
    </section>
  );
}

function Drawn({ tallies: { since, now }, charts, length }: DrawnProps) {
  if (since === null) return <p class="empty">{text.noTallies}</p>;
  return (
    <>
      {since > now - length && (
        <p class="muted">
          {text.countingBegan} <Ago at={since} />.
        </p>
      )}
      <div class="charts">
        {charts.map((chart) => (
          <Chart key={chart.title} chart={chart} />
        ))}
      </div>
    </>
  );
}

interface DrawnProps {
  readonly tallies: TallyAnswer;
  readonly charts: readonly ChartData[];
  /** Milliseconds of the chosen time. */
  readonly length: number;
}
