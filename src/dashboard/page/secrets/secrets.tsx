import type { SecretListing } from '../../api/contract.js';
import { usePoll } from '../api/use-poll.js';
import { Polled } from '../parts/poll-state.js';
import { Table } from '../parts/table.js';
import { Ago, MaybeAgo } from '../time/time.js';
import { words } from '../words/index.js';
import { adviceOn, notesOn } from './advice.js';

type SecretRow = SecretListing['items'][number];

const text = words.secrets;

function Expiry({ row: { notAfter }, now }: { row: SecretRow; now: number }) {
  if (notAfter === null) return <span class="muted">{text.never}</span>;
  const days = Math.floor((notAfter - now) / 86_400_000);
  const alarm = days < 3 ? 'is-dead' : days < 14 ? 'is-pending' : '';
  return (
    <span class={alarm}>
      <Ago at={notAfter} /> {alarm !== '' && text.soon}
    </span>
  );
}

/** Secrets by id, and what their use says about a rotation. Nothing of a secret itself is here. */
export function Secrets() {
  const poll = usePoll<SecretListing>('secrets', 5);
  return (
    <Polled poll={poll}>
      {({ items, now }) =>
        items.length === 0 ? (
          <p class="empty">{text.empty}</p>
        ) : (
          <>
            {notesOn(items, now).map((note) => (
              <p key={note} class="note">
                {note}
              </p>
            ))}
            <Table
              caption={text.caption}
              rows={items}
              keyOf={({ id, tenant }) => `${tenant} ${id}`}
              columns={[
                { id: 'secret', header: text.secret, isHeader: true, cell: ({ id }) => <code>{id}</code> },
                { id: 'tenant', header: text.tenant, cell: ({ tenant }) => tenant || words.none },
                { id: 'first', header: text.first, cell: ({ firstUsedAt }) => <MaybeAgo at={firstUsedAt} /> },
                { id: 'last', header: text.last, cell: ({ lastUsedAt }) => <MaybeAgo at={lastUsedAt} /> },
                { id: 'expiry', header: text.expiry, cell: (row) => <Expiry row={row} now={now} /> },
                {
                  id: 'instances',
                  header: text.instances,
                  isNumber: true,
                  cell: ({ instances }) => instances.length,
                },
                { id: 'advice', header: text.advice, cell: (row) => adviceOn(row, now) ?? words.none },
              ]}
            />
            <p class="muted">{text.noValues}</p>
          </>
        )
      }
    </Polled>
  );
}
