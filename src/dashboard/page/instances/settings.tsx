import type { Listing, SettingRow } from '../../api/contract.js';
import { usePoll } from '../api/use-poll.js';
import { Polled } from '../parts/poll-state.js';
import { Table } from '../parts/table.js';
import { words } from '../words/index.js';

const text = words.instances;

type Names = ReadonlyMap<string, string>;

function Values({ row: { values }, names }: { row: SettingRow; names: Names }) {
  const [only, ...others] = values;
  if (only && others.length === 0) return <code>{only.value}</code>;
  return (
    <ul class="plain is-pending">
      {values.map(({ value, instances }) => (
        <li key={value}>
          <code>{value}</code>{' '}
          <span class="muted">{text.on(instances.map((id) => names.get(id) ?? words.shortId(id)).join(', '))}</span>
        </li>
      ))}
    </ul>
  );
}

/** Every option with its value and its default; by instance where they differ. `names` are those of the machines, by instance. */
export function Settings({ names }: { names: Names }) {
  const poll = usePoll<Listing<SettingRow>>('settings', 60);
  return (
    <section aria-labelledby="settings-heading">
      <h2 id="settings-heading">{text.settings}</h2>
      <Polled poll={poll}>
        {({ items }) => (
          <Table
            caption={text.settings}
            rows={items}
            keyOf={({ name }) => name}
            columns={[
              { id: 'name', header: text.option, isHeader: true, cell: ({ name }) => <code>{name}</code> },
              { id: 'value', header: text.value, cell: (row) => <Values row={row} names={names} /> },
              {
                id: 'default',
                header: text.byDefault,
                cell: (row) => (row.default === null ? words.none : <code>{row.default}</code>),
              },
            ]}
          />
        )}
      </Polled>
    </section>
  );
}
