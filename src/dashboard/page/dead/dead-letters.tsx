import { useState } from 'preact/hooks';
import type { BulkListing, BulkView, ErrorListing } from '../../api/contract.js';
import { usePoll } from '../api/use-poll.js';
import type { PageProps } from '../app/pages.js';
import { addressOf, go } from '../app/router.js';
import { useRowKeys } from '../app/row-keys.js';
import { useCan } from '../app/session.js';
import { number } from '../parts/numbers.js';
import { Polled } from '../parts/poll-state.js';
import { words } from '../words/index.js';
import { BulkCard, isUnderWay } from './bulk-card.js';
import { BulkDialog } from './bulk-dialog.js';
import { Groups } from './groups.js';
import { wishOf, type Wish } from './wish.js';

const text = words.dead;

function BulkList({ bulks }: { bulks: readonly BulkView[] }) {
  const [underWay, over] = [bulks.filter(isUnderWay), bulks.filter((bulk) => !isUnderWay(bulk))];
  return (
    <>
      {underWay.length > 0 && (
        <section aria-labelledby="bulk-heading">
          <h2 id="bulk-heading">{text.underWay}</h2>
          <ul class="plain">
            {underWay.map((bulk) => (
              <BulkCard key={bulk.id} bulk={bulk} />
            ))}
          </ul>
        </section>
      )}
      {over.length > 0 && (
        <details class="earlier">
          <summary>{text.earlier(over.length)}</summary>
          <ul class="plain">
            {over.map((bulk) => (
              <BulkCard key={bulk.id} bulk={bulk} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function StateChoice({ state }: { state: 'dead' | 'pending' }) {
  return (
    <nav class="choice" aria-label={text.choice}>
      {(['dead', 'pending'] as const).map((one) => (
        <a
          key={one}
          href={addressOf('dead', null, { state: one === 'dead' ? null : one })}
          aria-current={one === state ? 'true' : undefined}
        >
          {text.choices[one]}
        </a>
      ))}
    </nav>
  );
}

/** Failures grouped by error, and what is done with many at once. */
export function DeadLetters({ route }: PageProps) {
  const state = route.filters.get('state') === 'pending' ? 'pending' : 'dead';
  const errors = usePoll<ErrorListing>(`errors?state=${state}`, 5);
  const bulks = usePoll<BulkListing>('bulk');
  const [chosen, choose] = useState<Wish | null>(null);
  const can = useCan();
  useRowKeys();
  const wish = chosen ?? (can('bulk') ? wishOf(route) : null);
  const close = () => {
    choose(null);
    if (route.filters.has('preview')) go(addressOf('dead'));
  };
  return (
    <>
      {bulks.data && <BulkList bulks={bulks.data.items} />}
      <div class="heading-line">
        <h2>{text.groups}</h2>
        <StateChoice state={state} />
      </div>
      <Polled poll={errors}>
        {(answer) => (
          <>
            {answer.groups.length > 0 ? (
              <Groups errors={answer} state={state} onWish={choose} />
            ) : (
              <p class="empty">{text.empty[state]}</p>
            )}
            {answer.isPartial && <p class="muted">{text.partial(number(answer.deliveries))}</p>}
            {can('bulk') && can('replay') && state === 'dead' && answer.groups.length > 1 && (
              <p class="buttons">
                <button type="button" onClick={() => choose({ action: 'replay', conditions: { state: 'dead' } })}>
                  {text.replayAll}
                </button>
                <a class="button" href={addressOf('deliveries', null, { state: 'dead' })}>
                  {text.list}
                </a>
              </p>
            )}
          </>
        )}
      </Polled>
      {wish && <BulkDialog key={JSON.stringify(wish)} wish={wish} onClose={close} />}
    </>
  );
}
