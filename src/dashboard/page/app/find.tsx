import { useState } from 'preact/hooks';
import type { FindAnswer, FindRequest } from '../../api/contract.js';
import { post } from '../api/client.js';
import { deliveryColumns } from '../deliveries/columns.js';
import { RejectionBadge } from '../parts/badge.js';
import { Dialog } from '../parts/dialog.js';
import { Table } from '../parts/table.js';
import { useAct } from '../parts/use-act.js';
import { setServerTime } from '../time/server-time.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';
import { addressOf, go } from './router.js';

const text = words.find;

/** The only one that was found, to be gone to at once. */
function onlyAddress({ deliveries, rejections }: FindAnswer): string | null {
  const [delivery] = deliveries;
  const [rejection] = rejections;
  if (deliveries.length + rejections.length !== 1) return null;
  return delivery ? addressOf('deliveries', delivery.id) : rejection ? addressOf('rejections', rejection.id) : null;
}

/** Finds by exact id, session or reference. What is typed is sent in a body, and stands in no address. */
export function Find() {
  const [value, setValue] = useState('');
  const [found, setFound] = useState<FindAnswer | null>(null);
  const { isRunning, error, run } = useAct();
  const find = async () => {
    const answer = await post<FindAnswer>('find', { value: value.trim() } satisfies FindRequest);
    setServerTime(answer.now);
    const address = onlyAddress(answer);
    if (address === null) setFound(answer);
    else go(address);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (value.trim() !== '') run(find);
  };
  return (
    <form class="find" role="search" aria-label={text.label} onSubmit={submit}>
      <label for="find" class="unseen">
        {text.label}
      </label>
      <input
        id="find"
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder={text.placeholder}
        maxLength={255}
        value={value}
        onInput={(event) => setValue(event.currentTarget.value)}
      />
      <button type="submit" disabled={isRunning}>
        {text.button}
      </button>
      {error !== null && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {found && <Found found={found} onClose={() => setFound(null)} />}
    </form>
  );
}

function Found({ found: { deliveries, rejections }, onClose }: { found: FindAnswer; onClose: () => void }) {
  // A link in the dialog leads away from it.
  const follow = (event: Event) => {
    if (event.target instanceof Element && event.target.closest('a')) onClose();
  };
  const isNothing = deliveries.length + rejections.length === 0;
  return (
    <Dialog title={isNothing ? text.nothing : text.found} onClose={onClose} isWide>
      {isNothing && <p>{text.nothingText}</p>}
      <div onClick={follow}>
        {deliveries.length > 0 && (
          <Table
            caption={text.deliveries}
            isCaptionShown
            rows={deliveries}
            keyOf={({ id }) => id}
            columns={deliveryColumns.filter(({ id }) =>
              ['session', 'state', 'received', 'status', 'tenant'].includes(id),
            )}
          />
        )}
        {rejections.length > 0 && (
          <Table
            caption={text.rejections}
            isCaptionShown
            rows={rejections}
            keyOf={({ id }) => id}
            columns={[
              {
                id: 'reason',
                header: words.rejections.reason,
                isHeader: true,
                cell: ({ id, reason }) => <a href={addressOf('rejections', id)}>{words.rejectionReasons[reason]}</a>,
              },
              { id: 'state', header: words.rejections.state, cell: ({ state }) => <RejectionBadge state={state} /> },
              { id: 'first', header: words.rejections.first, cell: (row) => <Ago at={row.firstReceivedAt} /> },
            ]}
          />
        )}
      </div>
      <p class="buttons">
        <button type="button" class="primary" onClick={onClose}>
          {words.actions.close}
        </button>
      </p>
    </Dialog>
  );
}
