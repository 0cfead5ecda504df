import { useState } from 'preact/hooks';
import { usePreferences } from '../app/preferences.js';
import { dateAndTime } from '../time/format.js';
import { words } from '../words/index.js';
import type { ChartData } from './chart-data.js';

/** The numbers of a chart, newest first. The table is made only once it is asked for. */
export function ChartNumbers({ chart }: { chart: ChartData }) {
  const [isOpen, setOpen] = useState(false);
  const { zone } = usePreferences().preferences;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words.charts.numbers}</summary>
      {isOpen && (
        <div class="scrolls" tabIndex={0} role="region" aria-label={words.charts.numbersOf(chart.title)}>
          <table>
            <caption class="unseen">{chart.title}</caption>
            <thead>
              <tr>
                <th scope="col">{words.charts.time}</th>
                {chart.series.map(({ label }) => (
                  <th key={label} scope="col" class="number">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {chart.at
                .map((at, index) => (
                  <tr key={at}>
                    <th scope="row">{dateAndTime(at, zone)}</th>
                    {chart.series.map(({ label, values }) => (
                      <td key={label} class="number">
                        {typeof values[index] === 'number' ? chart.format(values[index]) : words.none}
                      </td>
                    ))}
                  </tr>
                ))
                .toReversed()}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
