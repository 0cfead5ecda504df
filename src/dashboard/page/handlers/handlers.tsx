import type { HandlerListing } from '../../api/contract.js';
import { usePoll } from '../api/use-poll.js';
import type { PageProps } from '../app/pages.js';
import { addressOf } from '../app/router.js';
import { useRowKeys } from '../app/row-keys.js';
import { number } from '../parts/numbers.js';
import { Polled } from '../parts/poll-state.js';
import { Table, type Column } from '../parts/table.js';
import { words } from '../words/index.js';
import { HandlerPage } from './handler.js';
import { recentOf } from './recent.js';

const text = words.handlers;

type HandlerRow = HandlerListing['items'][number];

function Name({ row: { id, isTransactional } }: { row: HandlerRow }) {
  return (
    <>
      <a data-open href={addressOf('handlers', id)}>
        <code>{id}</code>
      </a>
      {isTransactional === true && <span class="muted"> {words.runs.transactional}</span>}
    </>
  );
}

function Dead({ row: { id, dead } }: { row: HandlerRow }) {
  if (dead === 0) return <>0</>;
  return (
    <a class="is-dead" href={addressOf('deliveries', null, { state: 'dead', handler: id })}>
      {number(dead)}
    </a>
  );
}

const columns: readonly Column<HandlerRow>[] = [
  { id: 'handler', header: text.handler, isHeader: true, cell: (row) => <Name row={row} /> },
  { id: 'statuses', header: text.statuses, cell: ({ statuses }) => statuses.join(', ') || words.none },
  { id: 'instances', header: text.instances, isNumber: true, cell: ({ instances }) => number(instances.length) },
  { id: 'dead', header: text.dead, isNumber: true, cell: (row) => <Dead row={row} /> },
  { id: 'success', header: text.success, isNumber: true, cell: (row) => recentOf(row).success },
  { id: 'times', header: text.times, isNumber: true, cell: (row) => recentOf(row).times },
];

/** Handlers that only deliveries name any more. */
function Orphans({ rows }: { rows: readonly HandlerRow[] }) {
  const orphans = rows.filter(({ instances }) => instances.length === 0);
  if (orphans.length === 0) return null;
  return (
    <ul class="problems">
      {orphans.map(({ id, dead }) => (
        <li key={id} class="problem is-degraded">
          <strong>
            <span aria-hidden="true">!</span> {text.attention}
          </strong>
          <span>{text.orphan(id, number(dead))}</span>
        </li>
      ))}
    </ul>
  );
}

/** `#/handlers` is the list of all instances' handlers, `#/handlers/<id>` one of them. */
export function Handlers({ route }: PageProps) {
  return route.id === null ? <HandlerList /> : <HandlerPage key={route.id} id={route.id} route={route} />;
}

function HandlerList() {
  const poll = usePoll<HandlerListing>('handlers', 5);
  useRowKeys();
  return (
    <Polled poll={poll}>
      {({ items }) =>
        items.length === 0 ? (
          <p class="empty">{text.empty}</p>
        ) : (
          <>
            <Orphans rows={items} />
            <Table caption={text.caption} rows={items} keyOf={({ id }) => id} columns={columns} />
            <p class="muted">{text.recent}</p>
          </>
        )
      }
    </Polled>
  );
}
