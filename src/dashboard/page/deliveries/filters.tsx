import { useId } from 'preact/hooks';
import type { DeliveryState, VerificationStatus } from '../../api/contract.js';
import { usePreferences } from '../app/preferences.js';
import { changeFilters, go, addressOf, type Route } from '../app/router.js';
import { useSession } from '../app/session.js';
import { FieldOfChoices, FieldOfText, FieldOfTime } from '../parts/fields.js';
import { zoneName } from '../time/format.js';
import { words } from '../words/index.js';

const STATES = Object.keys({
  pending: true,
  processing: true,
  completed: true,
  dead: true,
  unhandled: true,
  discarded: true,
  erased: true,
} satisfies Record<DeliveryState, true>);
const STATUSES = Object.keys({
  COMPLETED: true,
  PARTIAL_COMPLETE: true,
  TERMINATED: true,
  CANCELLED: true,
  ERROR: true,
} satisfies Record<VerificationStatus, true>);

/** Filters that only hold together with these states. */
const hasHandlers = (state: string | null) => state === 'dead' || state === 'pending';

/** Names of the filters in the address, as the API has them. */
const FILTERS = ['state', 'status', 'handler', 'error', 'reason', 'platform', 'tenant', 'from', 'to', 'sort'] as const;

/** Returns the filters of an address that the API understands together. */
export function queryOf({ filters }: Route): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of FILTERS) {
    const value = filters.get(name);
    const needsHandlers = name === 'handler' || name === 'error';
    if (value && (!needsHandlers || hasHandlers(filters.get('state')))) query.set(name, value);
  }
  if (query.get('state') !== 'pending') query.delete('sort');
  if (query.get('state') !== 'dead') query.delete('reason');
  return query;
}

/** Filters that only some states have. */
function FieldsOfState({ route }: { route: Route }) {
  const { handlers, isSealed } = useSession();
  const text = words.deliveries;
  const value = (name: string) => route.filters.get(name) ?? '';
  const set = (name: string) => (next: string | null) => changeFilters(route, { [name]: next });
  const isWithHandlers = hasHandlers(route.filters.get('state'));
  return (
    <>
      {isWithHandlers && (
        <FieldOfText label={text.handler} value={value('handler')} suggestions={handlers} onEnter={set('handler')} />
      )}
      {isWithHandlers && !isSealed && (
        <FieldOfText label={text.error} value={value('error')} maxLength={100} onEnter={set('error')} />
      )}
      {value('state') === 'dead' && (
        <FieldOfChoices
          label={text.reason}
          value={value('reason')}
          choices={Object.keys(text.reasons)}
          words={text.reasons}
          onPick={set('reason')}
        />
      )}
      {value('state') === 'pending' && (
        <FieldOfChoices
          label={text.sort}
          value={value('sort')}
          choices={['due']}
          words={text.sorts}
          onPick={set('sort')}
        />
      )}
    </>
  );
}

/** The filters. They live in the address, so that a list can be shared. */
export function DeliveryFilters({ route }: { route: Route }) {
  const { zone } = usePreferences().preferences;
  const id = useId();
  const text = words.deliveries;
  const value = (name: string) => route.filters.get(name) ?? '';
  const set = (name: string) => (next: string | null) => changeFilters(route, { [name]: next });
  const isFiltered = FILTERS.some((name) => route.filters.has(name));
  return (
    <form class="filters" role="search" aria-labelledby={id} onSubmit={(event) => event.preventDefault()}>
      <h2 id={id} class="unseen">
        {text.filters}
      </h2>
      <FieldOfChoices
        label={text.state}
        value={value('state')}
        choices={STATES}
        words={words.states}
        onPick={set('state')}
      />
      <FieldOfChoices label={text.status} value={value('status')} choices={STATUSES} onPick={set('status')} />
      <FieldsOfState route={route} />
      <FieldOfText label={text.platform} value={value('platform')} inputMode="numeric" onEnter={set('platform')} />
      <FieldOfText label={text.tenant} value={value('tenant')} onEnter={set('tenant')} />
      <FieldOfTime label={text.from} value={value('from')} zone={zone} onEnter={set('from')} />
      <FieldOfTime label={text.to} value={value('to')} zone={zone} onEnter={set('to')} />
      <p class="filters-end">
        <span class="muted">{text.zone(zoneName(zone))}</span>
        {isFiltered && (
          <button type="button" onClick={() => go(addressOf('deliveries'))}>
            {text.clear}
          </button>
        )}
      </p>
    </form>
  );
}
