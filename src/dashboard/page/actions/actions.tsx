import type { ActionRow } from '../../api/contract.js';
import type { PageProps } from '../app/pages.js';
import { addressOf, changeFilters } from '../app/router.js';
import { useRowKeys } from '../app/row-keys.js';
import { FieldOfChoices, FieldOfText } from '../parts/fields.js';
import { ListEnd, NewerRows } from '../parts/list-ends.js';
import { Polled } from '../parts/poll-state.js';
import { Table, type Column } from '../parts/table.js';
import { useList } from '../parts/use-list.js';
import { Moment } from '../time/time.js';
import { words } from '../words/index.js';

const text = words.actionsPage;
const NAMES = ['operator', 'action', 'target', 'bulk'] as const;

/** The page of what was acted on. */
function addressOfTarget({ action, targetId }: ActionRow): string {
  if (action.startsWith('bulk')) return addressOf('dead');
  return addressOf(action.endsWith('rejection') ? 'rejections' : 'deliveries', targetId);
}

const columns: readonly Column<ActionRow>[] = [
  { id: 'at', header: text.at, sort: 'descending', cell: ({ at }) => <Moment at={at} /> },
  { id: 'operator', header: text.operator, isHeader: true, cell: ({ operator }) => operator ?? words.timeline.nobody },
  { id: 'action', header: text.action, cell: ({ action }) => words.acts[action] ?? action },
  {
    id: 'target',
    header: text.target,
    cell: (action) => (
      <a data-open class="id" title={action.targetId} href={addressOfTarget(action)}>
        {words.shortId(action.targetId)}
      </a>
    ),
  },
  { id: 'source', header: text.source, cell: ({ source }) => words.sources[source] ?? source },
  { id: 'tenant', header: words.deliveries.tenant, cell: ({ tenant }) => tenant || words.none },
  { id: 'reason', header: text.reason, cell: ({ reason }) => reason ?? words.none },
];

/** What operators did, newest first. */
export function Actions({ route }: PageProps) {
  const query = new URLSearchParams();
  for (const name of NAMES) {
    const value = route.filters.get(name);
    if (value) query.set(name, value);
  }
  const list = useList<ActionRow>(`actions${query.size > 0 ? `?${query}` : ''}`);
  useRowKeys();
  const value = (name: string) => route.filters.get(name) ?? '';
  const set = (name: string) => (next: string | null) => changeFilters(route, { [name]: next });
  return (
    <>
      <form class="filters" role="search" aria-label={text.filters} onSubmit={(event) => event.preventDefault()}>
        <FieldOfText label={text.operator} value={value('operator')} onEnter={set('operator')} />
        <FieldOfChoices
          label={text.action}
          value={value('action')}
          choices={Object.keys(words.acts)}
          words={words.acts}
          onPick={set('action')}
        />
        <FieldOfText label={text.targetId} value={value('target')} onEnter={set('target')} />
        <FieldOfChoices
          label={text.ofBulk}
          value={value('bulk')}
          choices={['false']}
          words={text.ofBulkChoices}
          onPick={set('bulk')}
        />
      </form>
      <Polled poll={list.poll}>
        {() => (
          <>
            <NewerRows list={list} />
            {list.rows.length > 0 ? (
              <Table caption={text.caption} rows={list.rows} keyOf={({ id }) => id} columns={columns} />
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
