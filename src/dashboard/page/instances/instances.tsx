import type { InstanceListing } from '../../api/contract.js';
import { usePoll } from '../api/use-poll.js';
import { Badge } from '../parts/badge.js';
import { number } from '../parts/numbers.js';
import { Polled } from '../parts/poll-state.js';
import { Table, type Column } from '../parts/table.js';
import { duration } from '../time/format.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';
import { Settings } from './settings.js';

type InstanceRow = InstanceListing['items'][number];

const text = words.instances;

function roleOf({ receives, processes }: InstanceRow): string {
  return [...(receives ? [text.receives] : []), ...(processes ? [text.processes] : [])].join(', ') || words.none;
}

const columns: readonly Column<InstanceRow>[] = [
  {
    id: 'instance',
    header: text.instance,
    isHeader: true,
    cell: ({ host, pid, id }) => (
      <span title={id}>
        {host} <span class="muted">{text.pid(pid)}</span>
      </span>
    ),
  },
  { id: 'state', header: text.state, cell: ({ state }) => <Badge state={state} /> },
  { id: 'version', header: text.version, cell: ({ version, appVersion }) => appVersion ?? version },
  { id: 'started', header: text.started, cell: ({ startedAt }) => <Ago at={startedAt} /> },
  { id: 'heard', header: text.heard, cell: ({ heardAt }) => <Ago at={heardAt} /> },
  { id: 'role', header: text.role, cell: roleOf },
  {
    id: 'inFlight',
    header: text.inFlight,
    isNumber: true,
    cell: ({ inFlight, concurrency }) => text.of(number(inFlight), number(concurrency)),
  },
  {
    id: 'durable',
    header: text.durable,
    cell: ({ isDurable }) => (isDurable ? text.isDurable : <span class="is-dead">{text.notDurable}</span>),
  },
  { id: 'clock', header: text.clock, isNumber: true, cell: ({ clockOffset }) => offset(clockOffset) },
  {
    id: 'handlers',
    header: text.handlers,
    cell: ({ handlers }) => (
      <details>
        <summary>{text.handlerCount(handlers.length)}</summary>
        <ul class="plain">
          {handlers.map(({ id }) => (
            <li key={id}>
              <code>{id}</code>
            </li>
          ))}
        </ul>
      </details>
    ),
  },
];

function offset(milliseconds: number): string {
  return `${milliseconds < 0 ? '−' : '+'}${duration(Math.abs(milliseconds))}`;
}

/** The instances, what differs between them, and their settings. */
export function Instances() {
  const poll = usePoll<InstanceListing>('instances', 5);
  return (
    <>
      <Polled poll={poll}>
        {({ items, differences }) => (
          <>
            {differences.length > 0 && (
              <ul class="problems" aria-label={text.differences}>
                {differences.map((difference) => (
                  <li key={difference} class="problem is-degraded">
                    <strong>
                      <span aria-hidden="true">!</span> {text.differs}
                    </strong>
                    <span>{difference}</span>
                  </li>
                ))}
              </ul>
            )}
            {items.length === 0 ? (
              <p class="empty">{text.empty}</p>
            ) : (
              <Table caption={text.caption} rows={items} keyOf={({ id }) => id} columns={columns} />
            )}
          </>
        )}
      </Polled>
      <Settings names={new Map(poll.data?.items.map(({ id, host }) => [id, host]))} />
    </>
  );
}
