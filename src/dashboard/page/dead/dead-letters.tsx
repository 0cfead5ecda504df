import { useState } from 'preact/hooks';
import type { BulkListing, BulkView, ErrorListing } from '../../api/contract.js';
import { usePoll } from '../api/use-poll.js';
import type { PageProps } from '../app/pages.js';
import { addressOf, changeFilters, go } from '../app/router.js';
import { useRowKeys } from '../app/row-keys.js';
import { useCan, useSession, useTenantMissing } from '../app/session.js';
import { FieldOfChoices, FieldOfText } from '../parts/fields.js';
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

interface ChoiceProps extends PageProps {
  readonly state: 'dead' | 'pending';
}

function StateChoice({ route, state }: ChoiceProps) {
  const tenant = route.filters.get('tenant');
  return (
    <nav class="choice" aria-label={text.choice}>
      {(['dead', 'pending'] as const).map((one) => (
        <a
          key={one}
          href={addressOf('dead', null, { state: one === 'dead' ? null : one, tenant })}
          aria-current={one === state ? 'true' : undefined}
        >
          {text.choices[one]}
        </a>
      ))}
    </nav>
  );
}

/** Who may see several tenants chooses among them; who may see one has nothing to choose. */
function TenantChoice({ route }: PageProps) {
  const { tenants } = useSession();
  const field = { label: words.deliveries.tenant, value: route.filters.get('tenant') ?? '' };
  const choose = (tenant: string | null) => changeFilters(route, { tenant });
  if (tenants && tenants.length < 2) return null;
  return (
    <form class="filters" role="search" aria-label={text.filters} onSubmit={(event) => event.preventDefault()}>
      {tenants ? (
        <FieldOfChoices {...field} choices={tenants} onPick={choose} />
      ) : (
        <FieldOfText {...field} onEnter={choose} />
      )}
    </form>
  );
}

interface GroupsProps extends ChoiceProps {
  readonly answer: ErrorListing;
  readonly onWish: (wish: Wish) => void;
}

function AllGroups({ answer, route, state, onWish }: GroupsProps) {
  const can = useCan();
  const isTenantMissing = useTenantMissing(route.filters);
  const tenant = route.filters.get('tenant');
  const all = { state: 'dead', ...(tenant && { tenant }) } as const;
  const hasActs = can('bulk') && state === 'dead' && answer.groups.length > 0;
  return (
    <>
      {answer.groups.length > 0 ? (
        <Groups errors={answer} state={state} tenant={tenant} onWish={isTenantMissing ? null : onWish} />
      ) : (
        <p class="empty">{text.empty[state]}</p>
      )}
      {answer.isPartial && <p class="muted">{text.partial(number(answer.deliveries))}</p>}
      {hasActs && isTenantMissing && <p class="muted">{text.nameTenant}</p>}
      {hasActs && can('replay') && answer.groups.length > 1 && !isTenantMissing && (
        <p class="buttons">
          <button type="button" onClick={() => onWish({ action: 'replay', conditions: all })}>
            {text.replayAll}
          </button>
          <a class="button" href={addressOf('deliveries', null, all)}>
            {text.list}
          </a>
        </p>
      )}
    </>
  );
}

/** Failures grouped by error, and what is done with many at once. */
export function DeadLetters({ route }: PageProps) {
  const state = route.filters.get('state') === 'pending' ? 'pending' : 'dead';
  const tenant = route.filters.get('tenant');
  const query = new URLSearchParams({ state, ...(tenant && { tenant }) });
  const errors = usePoll<ErrorListing>(`errors?${query}`, 5);
  const bulks = usePoll<BulkListing>('bulk');
  const [chosen, choose] = useState<Wish | null>(null);
  const can = useCan();
  useRowKeys();
  const wish = chosen ?? (can('bulk') ? wishOf(route) : null);
  const close = () => {
    choose(null);
    if (route.filters.has('preview')) go(addressOf('dead', null, { tenant }));
  };
  return (
    <>
      {bulks.data && <BulkList bulks={bulks.data.items} />}
      <div class="heading-line">
        <h2>{text.groups}</h2>
        <StateChoice route={route} state={state} />
      </div>
      <TenantChoice route={route} />
      <Polled poll={errors}>
        {(answer) => <AllGroups answer={answer} route={route} state={state} onWish={choose} />}
      </Polled>
      {wish && <BulkDialog key={JSON.stringify(wish)} wish={wish} onClose={close} />}
    </>
  );
}
