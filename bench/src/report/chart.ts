import type { Contender } from '../contenders/index.js';
import type { RoundRun } from '../requests/rounds.js';
import { thousands } from './plain-table.js';
import { median } from './statistics.js';

const WIDTH = 860;
const NAMES = 330;
const FIGURES = 150;
const BAR = 20;
const ROW = 30;
const TOP = 84;
const BOTTOM = 44;

/** Stands on a ground of its own, so that it reads on light and dark pages alike. */
const STYLE = `
  .ground { fill: #ffffff; stroke: #d0d7de } text { fill: #1f2328; font: 13px system-ui, sans-serif }
  .title { font-size: 16px; font-weight: 600 } .fine { fill: #59636e; font-size: 12px }
  .ours { fill: #0969da } .durable { fill: #8250df } .volatile { fill: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d } text { fill: #f0f6fc } .fine { fill: #9198a1 }
    .ours { fill: #4493f8 } .durable { fill: #ab7df8 } .volatile { fill: #656c76 }
  }`;

/** How fast each contender acknowledges at one number of connections, and which of them have it on disk by then. */
export function chart(
  runs: readonly RoundRun[],
  contenders: readonly Contender[],
  connections: number,
  where: string,
): string {
  const bars = contenders.flatMap((contender) => {
    const its = runs.filter((run) => run.contender === contender.name && run.connections === connections);
    return its.length > 0 ? [{ contender, rate: median(its.map(({ rate }) => rate)) }] : [];
  });
  const scale = (WIDTH - NAMES - FIGURES) / Math.max(...bars.map(({ rate }) => rate));
  const height = TOP + bars.length * ROW + BOTTOM;
  const rows = bars.map(({ contender, rate }, index) => {
    const y = TOP + index * ROW;
    const length = Math.max(1, rate * scale);
    return [
      text(NAMES - 12, y + 15, contender.label, 'end'),
      `<rect class="${kind(contender)}" x="${NAMES}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="3"/>`,
      text(NAMES + length + 8, y + 15, thousands(rate)),
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Deliveries acknowledged per second">`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text(20, 32, 'Deliveries acknowledged per second', 'start', 'title'),
    text(
      20,
      54,
      `${connections} connections; coloured: on disk before they are acknowledged, grey: not`,
      'start',
      'fine',
    ),
    ...rows,
    text(20, height - 18, where, 'start', 'fine'),
    '</svg>\n',
  ].join('\n');
}

function kind({ name, kept }: Contender): string {
  if (/^(ours|metrics|context|traces)-/.test(name)) return 'ours';
  return typeof kept === 'string' ? 'volatile' : 'durable';
}

function text(x: number, y: number, content: string, anchor = 'start', style = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text class="${style}" x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escaped}</text>`;
}
