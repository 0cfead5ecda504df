import type { RejectionReason, RejectionRow, RejectionState } from '../../api/contract.js';
import type { PageProps } from '../app/pages.js';
import { addressOf, changeFilters, type Route } from '../app/router.js';
import { useRowKeys } from '../app/row-keys.js';
import { RejectionBadge } from '../parts/badge.js';
import { number } from '../parts/numbers.js';
import { FieldOfChoices, FieldOfText } from '../parts/fields.js';
import { ListEnd, NewerRows } from '../parts/list-ends.js';
import { Polled } from '../parts/poll-state.js';
import { Table } from '../parts/table.js';
import { useList } from '../parts/use-list.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';
import { readableDetail } from './readable-detail.js';
import { RejectionDetailPage } from './rejection.js';

const text = words.rejections;
const STATES: readonly RejectionState[] = ['accepted', 'discarded'];
const REASONS: readonly RejectionReason[] = [
  'invalid',
  'unknown-status',
  'unexpected-data',
  'conflict',
  'stale',
  'superseded',
];

/** `#/rejections` is the list, `#/rejections/<id>` one rejection. */
export function Rejections({ route }: PageProps) {
  return route.id === null ? <RejectionList route={route} /> : <RejectionDetailPage key={route.id} id={route.id} />;
}

function RejectionFilters({ route }: { route: Route }) {
  const value = (name: string) => route.filters.get(name) ?? '';
  const set = (name: string) => (next: string | null) => changeFilters(route, { [name]: next });
  return (
    <form class="filters" role="search" aria-label={text.filters} onSubmit={(event) => event.preventDefault()}>
      <FieldOfChoices
        label={text.state}
        value={value('state')}
        choices={STATES}
        words={{ ...words.states, '': words.states.open ?? '' }}
        onPick={set('state')}
      />
      <FieldOfChoices
        label={text.reason}
        value={value('reason')}
        choices={REASONS}
        words={words.rejectionReasons}
        onPick={set('reason')}
      />
      <FieldOfText label={words.deliveries.tenant} value={value('tenant')} onEnter={set('tenant')} />
    </form>
  );
}

function RejectionTable({ rows, faded }: { rows: readonly RejectionRow[]; faded: ReadonlySet<string> }) {
  return (
    <Table
      caption={text.caption}
      rows={rows}
      keyOf={({ id }) => id}
      isFaded={({ id }) => faded.has(id)}
      columns={[
        {
          id: 'reason',
          header: text.reason,
          isHeader: true,
          cell: ({ id, reason }) => (
            <a data-open href={addressOf('rejections', id)}>
              {words.rejectionReasons[reason]}
            </a>
          ),
        },
        { id: 'state', header: text.state, cell: ({ state }) => <RejectionBadge state={state} /> },
        {
          id: 'session',
          header: words.deliveries.session,
          cell: ({ sessionId }) =>
            sessionId ? (
              <span class="id" title={sessionId}>
                {words.shortSession(sessionId)}
              </span>
            ) : (
              <span class="muted">{words.none}</span>
            ),
        },
        {
          id: 'detail',
          header: text.detail,
          cell: ({ reason, detail }) => (
            <span class="error-text">
              {reason === 'conflict' ? text.conflict : (readableDetail(detail) ?? words.none)}
            </span>
          ),
        },
        { id: 'repeats', header: text.repeats, isNumber: true, cell: ({ repeats }) => number(repeats) },
        {
          id: 'first',
          header: text.first,
          sort: 'descending',
          cell: ({ firstReceivedAt }) => <Ago at={firstReceivedAt} />,
        },
        { id: 'last', header: text.last, cell: ({ lastReceivedAt }) => <Ago at={lastReceivedAt} /> },
      ]}
    />
  );
}

function RejectionList({ route }: PageProps) {
  const query = new URLSearchParams();
  for (const name of ['state', 'reason', 'tenant']) {
    const value = route.filters.get(name);
    if (value) query.set(name, value);
  }
  const list = useList<RejectionRow>(`rejections${query.size > 0 ? `?${query}` : ''}`);
  useRowKeys();
  return (
    <>
      <RejectionFilters route={route} />
      <Polled poll={list.poll}>
        {() => (
          <>
            <NewerRows list={list} />
            {list.rows.length > 0 ? (
              <RejectionTable rows={list.rows} faded={list.faded} />
            ) : (
              <p class="empty">
                {list.next !== null ? words.list.notYet : query.size > 0 ? text.emptyFiltered : text.empty}
              </p>
            )}
            {(list.rows.length > 0 || list.next !== null) && <ListEnd list={list} />}
          </>
        )}
      </Polled>
    </>
  );
}
