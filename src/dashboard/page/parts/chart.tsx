import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { usePreferences } from '../app/preferences.js';
import { timeOfDay } from '../time/format.js';
import { words } from '../words/index.js';
import type { ChartData, ChartSeries } from './chart-data.js';
import { ChartNumbers } from './chart-numbers.js';
import { areaPath, layoutOf, linePath, sums, type Layout } from './chart-paths.js';
import { timeTicks } from './chart-scale.js';

const PIXELS_OF_A_TIME = 80;

/** The width of an element, also once it has changed. */
function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

function Legend({ series }: { series: readonly ChartSeries[] }) {
  return (
    <ul class="legend">
      {series.map(({ label, colour }) => (
        <li key={label}>
          <span class={`swatch is-${colour}`} aria-hidden="true" /> {label}
        </li>
      ))}
    </ul>
  );
}

function Axes({ chart, layout }: { chart: ChartData; layout: Layout }) {
  const { zone } = usePreferences().preferences;
  const { left, right, bottom, from, to, ticks, x, y } = layout;
  return (
    <g class="axes">
      {ticks.map((tick) => (
        <g key={tick}>
          <line x1={left} x2={right} y1={y(tick)} y2={y(tick)} />
          <text x={left - 8} y={y(tick)} class="value">
            {tick === 0 ? '0' : chart.format(tick)}
          </text>
        </g>
      ))}
      {timeTicks(from, to, (right - left) / PIXELS_OF_A_TIME, zone).map(({ at, label }) => (
        <text key={at} x={x(at)} y={bottom + 18} class="time">
          {label}
        </text>
      ))}
    </g>
  );
}

function Series({ chart: { series, at, isStacked }, layout }: { chart: ChartData; layout: Layout }) {
  if (!isStacked) {
    return (
      <>
        {series.map(({ label, colour, values }) => (
          <path key={label} class={`line is-${colour}`} d={linePath(layout, at, values)} />
        ))}
      </>
    );
  }
  const rows = sums(series);
  const ground = at.map(() => 0);
  return (
    <>
      {series.map(({ label, colour }, index) => (
        <path
          key={label}
          class={`area is-${colour}`}
          d={areaPath(layout, at, rows[index] ?? [], rows[index - 1] ?? ground)}
        />
      ))}
    </>
  );
}

/** Lines where an instance started, with its version. */
function Marks({
  chart: { marks = [] },
  layout: { x, top, bottom, left, right },
}: {
  chart: ChartData;
  layout: Layout;
}) {
  return (
    <g class="marks">
      {marks.map(({ at, label }) => {
        const isNearEnd = x(at) > left + (right - left) * 0.8;
        return (
          <g key={`${at} ${label}`}>
            <line x1={x(at)} x2={x(at)} y1={top - 6} y2={bottom} />
            <text x={x(at) + (isNearEnd ? -4 : 4)} y={top - 6} class={isNearEnd ? 'value' : ''}>
              {label}
            </text>
          </g>
        );
      })}
    </g>
  );
}

/** What the pointer is over, in words. */
function Reading({ chart: { at, series, format }, index }: { chart: ChartData; index: number | null }) {
  const { zone } = usePreferences().preferences;
  const time = index === null ? undefined : at[index];
  if (index === null || time === undefined) return <p class="reading" />;
  const values = series
    .map(({ label, values: all }) => ({ label, value: all[index] ?? null }))
    .filter(({ value }) => value !== null && value !== 0)
    .map(({ label, value }) => `${label} ${format(value ?? 0)}`);
  return <p class="reading">{[timeOfDay(time, zone).slice(0, 5), ...values].join(' · ')}</p>;
}

/** A chart, with what it shows as a text and as a table. */
export function Chart({ chart }: { chart: ChartData }) {
  const { ref, width } = useWidth();
  const [index, setIndex] = useState<number | null>(null);
  const layout = useMemo(() => layoutOf(chart, width), [chart, width]);
  const { left, right, top, bottom, from, to, height, x } = layout;
  const onPointerMove = (event: PointerEvent & { currentTarget: SVGSVGElement }) => {
    const share = (event.clientX - event.currentTarget.getBoundingClientRect().left - left) / (right - left);
    setIndex(share < 0 || share >= 1 ? null : Math.floor(share * chart.at.length));
  };
  const pointed = index === null ? null : x(from + ((index + 0.5) * (to - from)) / chart.at.length);
  return (
    <figure class="chart">
      <figcaption>{chart.title}</figcaption>
      <Legend series={chart.series} />
      <div ref={ref} class="plot">
        {width > 0 && (
          <svg
            role="img"
            aria-label={words.charts.summary(chart)}
            width={width}
            height={height}
            onPointerMove={onPointerMove}
            onPointerLeave={() => setIndex(null)}
          >
            <Axes chart={chart} layout={layout} />
            <Series chart={chart} layout={layout} />
            <Marks chart={chart} layout={layout} />
            {pointed !== null && <line class="pointed" x1={pointed} x2={pointed} y1={top} y2={bottom} />}
          </svg>
        )}
      </div>
      <Reading chart={chart} index={index} />
      <ChartNumbers chart={chart} />
    </figure>
  );
}
