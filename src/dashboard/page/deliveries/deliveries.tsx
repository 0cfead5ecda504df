import type { DeliveryRow } from '../../api/contract.js';
import { usePreferences } from '../app/preferences.js';
import type { PageProps } from '../app/pages.js';
import { useRowKeys } from '../app/row-keys.js';
import { useCan } from '../app/session.js';
import { NewerRows, ListEnd } from '../parts/list-ends.js';
import { Polled } from '../parts/poll-state.js';
import { Table, type Column } from '../parts/table.js';
import { useList } from '../parts/use-list.js';
import { words } from '../words/index.js';
import { ColumnChoice } from './column-choice.js';
import { deliveryColumns } from './columns.js';
import { DeliveryDetailPage } from '../delivery/delivery.js';
import { DeliveryFilters, queryOf } from './filters.js';
import { NoDeliveries } from './no-deliveries.js';
import { SelectionBar } from './selection-bar.js';
import { useSelection, type Selection } from './use-selection.js';

const text = words.deliveries;

function selectColumn(selection: Selection): Column<DeliveryRow> {
  return {
    id: 'select',
    header: text.select,
    cell: ({ id, sessionId }) => (
      <input
        type="checkbox"
        aria-label={text.selectOne(sessionId ?? id)}
        checked={selection.has(id)}
        onChange={() => selection.toggle(id)}
      />
    ),
  };
}

/** `#/deliveries` is the list, `#/deliveries/<id>` one delivery. */
export function Deliveries({ route }: PageProps) {
  return route.id === null ? <DeliveryList route={route} /> : <DeliveryDetailPage key={route.id} id={route.id} />;
}

function DeliveryList({ route }: PageProps) {
  const query = queryOf(route);
  const list = useList<DeliveryRow>(`deliveries${query.size > 0 ? `?${query}` : ''}`);
  const selection = useSelection();
  const can = useCan();
  const { hiddenColumns } = usePreferences().preferences;
  useRowKeys();
  const canAct = can('replay') || can('discard');
  const shown = deliveryColumns.filter(({ id }) => !hiddenColumns.includes(id));
  const isByDue = query.get('sort') === 'due';
  const columns = [...(canAct ? [selectColumn(selection)] : []), ...shown.map((column) => sorted(column, isByDue))];
  return (
    <>
      <DeliveryFilters route={route} />
      <Polled poll={list.poll}>
        {() => (
          <>
            {list.rows.length > 0 && (
              <div class="list-head">
                {canAct && <SelectionBar selection={selection} shown={list.rows.map(({ id }) => id)} query={query} />}
                <ColumnChoice />
              </div>
            )}
            <NewerRows list={list} />
            {list.rows.length > 0 ? (
              <Table
                caption={text.caption}
                columns={columns}
                rows={list.rows}
                keyOf={({ id }) => id}
                isFaded={({ id }) => list.faded.has(id)}
              />
            ) : (
              <NoDeliveries isFiltered={query.size > 0} isEnd={list.next === null} query={query} />
            )}
            {list.faded.size > 0 && <p class="muted">{words.list.faded}</p>}
            {(list.rows.length > 0 || list.next !== null) && <ListEnd list={list} />}
          </>
        )}
      </Polled>
    </>
  );
}

/** Says by which column the rows are sorted. */
function sorted(column: Column<DeliveryRow>, isByDue: boolean): Column<DeliveryRow> {
  if (isByDue && column.id === 'next') return { ...column, sort: 'ascending' };
  return !isByDue && column.id === 'received' ? { ...column, sort: 'descending' } : column;
}
