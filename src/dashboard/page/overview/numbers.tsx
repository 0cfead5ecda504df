import type { Overview } from '../../api/contract.js';
import { addressOf } from '../app/router.js';
import { number } from '../parts/numbers.js';
import { duration } from '../time/format.js';
import { words } from '../words/index.js';

interface Figure {
  readonly label: string;
  readonly value: string | null;
  /** Page where the things that are counted are; numbers that lead nowhere have none. */
  readonly href?: string;
  /** Colour of a number that should be 0. */
  readonly alarm?: string;
}

const ms = (value: number | null) => (value === null ? null : duration(value));
const count = (value: number | null) => (value === null ? null : number(value));
const alarmIf = (value: number, colour: string) => (value > 0 ? { alarm: colour } : {});

function figuresOf({ numbers: n }: Overview): Figure[] {
  const text = words.overview;
  return [
    { label: text.received, value: count(n.receivedPerMinute), href: addressOf('deliveries') },
    {
      label: text.completed,
      value: count(n.completedPerMinute),
      href: addressOf('deliveries', null, { state: 'completed' }),
    },
    {
      label: text.oldestDue,
      value: n.oldestDue === 0 ? text.nothingDue : duration(n.oldestDue),
      href: addressOf('deliveries', null, { state: 'pending', sort: 'due' }),
      ...alarmIf(n.oldestDue > 60_000 ? 1 : 0, 'pending'),
    },
    {
      label: text.pending,
      value: number(n.pending),
      href: addressOf('deliveries', null, { state: 'pending', sort: 'due' }),
    },
    {
      label: text.processing,
      value: number(n.processing),
      href: addressOf('deliveries', null, { state: 'processing' }),
    },
    { label: text.dead, value: number(n.dead), href: addressOf('dead'), ...alarmIf(n.dead, 'dead') },
    {
      label: text.unhandled,
      value: number(n.unhandled),
      href: addressOf('deliveries', null, { state: 'unhandled' }),
      ...alarmIf(n.unhandled, 'unhandled'),
    },
    {
      label: text.openRejections,
      value: number(n.openRejections),
      href: addressOf('rejections'),
      ...alarmIf(n.openRejections, 'pending'),
    },
    { label: text.latency, value: n.p50 === null ? null : `${ms(n.p50)} / ${ms(n.p99) ?? words.none}` },
    { label: text.refused, value: count(n.refusedLastHour) },
    { label: text.unavailable, value: count(n.unavailableLastHour), ...alarmIf(n.unavailableLastHour ?? 0, 'dead') },
    { label: text.size, value: number(n.completedEstimate) },
  ];
}

/** The numbers, each a link to what it counts. */
export function Numbers({ overview }: { overview: Overview }) {
  return (
    <dl class="numbers">
      {figuresOf(overview)
        .filter(({ value }) => value !== null)
        .map(({ label, value, href, alarm }) => (
          <div key={label} class={alarm ? `is-${alarm}` : ''}>
            <dt>{label}</dt>
            <dd>{href ? <a href={href}>{value}</a> : value}</dd>
          </div>
        ))}
    </dl>
  );
}
