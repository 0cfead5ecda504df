import type { ErrorListing } from '../../api/contract.js';
import { addressOf } from '../app/router.js';
import { useCan } from '../app/session.js';
import { number, percent } from '../parts/numbers.js';
import { Table } from '../parts/table.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';
import { conditionsOf, isSelectable, type ErrorGroup, type Wish } from './wish.js';

const text = words.dead;

/** Without an error, the reason of the death says what happened. */
function errorOf({ error, reason }: ErrorGroup): string {
  return error ?? ((reason !== null && reason !== 'handler' && words.reasons[reason]) || text.noError);
}

interface ErrorProps {
  readonly group: ErrorGroup;
  readonly state: 'dead' | 'pending';
  readonly tenant: string | null;
}

function GroupError({ group, state, tenant }: ErrorProps) {
  return (
    <a data-open class="error-text whole" href={addressOf('deliveries', null, conditionsOf(group, state, tenant))}>
      {errorOf(group)}
    </a>
  );
}

interface ButtonsProps {
  readonly group: ErrorGroup;
  readonly tenant: string | null;
  readonly acts: readonly Wish['action'][];
  readonly onWish: (wish: Wish) => void;
}

function GroupButtons({ group, tenant, acts, onWish }: ButtonsProps) {
  return (
    <span class="buttons">
      {acts.map((action) => (
        <button
          key={action}
          type="button"
          aria-label={text.actOn[action](errorOf(group))}
          onClick={() => onWish({ action, conditions: conditionsOf(group, 'dead', tenant), counted: group.count })}
        >
          {text.buttons[action]}
        </button>
      ))}
    </span>
  );
}

interface Props {
  readonly errors: ErrorListing;
  readonly state: 'dead' | 'pending';
  readonly tenant: string | null;
  /** Null if nothing can be done with groups. */
  readonly onWish: ((wish: Wish) => void) | null;
}

/** Failures that differ in numbers, ids and quoted texts only, the largest group first. */
export function Groups({ errors, state, tenant, onWish }: Props) {
  const { groups, deliveries } = errors;
  const can = useCan();
  const acts = (['replay', 'discard'] as const).filter((act) => onWish && can('bulk') && can(act) && state === 'dead');
  const buttons = (group: ErrorGroup) =>
    onWish && isSelectable(group, errors) ? (
      <GroupButtons group={group} tenant={tenant} acts={acts} onWish={onWish} />
    ) : (
      <span class="muted">{text.notSelectable}</span>
    );
  return (
    <Table
      caption={text.caption}
      rows={groups}
      keyOf={({ handler, error, reason }) => JSON.stringify([handler, error, reason])}
      columns={[
        {
          id: 'error',
          header: text.error,
          isHeader: true,
          cell: (group) => <GroupError group={group} state={state} tenant={tenant} />,
        },
        {
          id: 'handler',
          header: text.handler,
          cell: ({ handler, isTransactional }) => (
            <>
              {handler ? <code>{handler}</code> : <span class="muted">{text.noHandler}</span>}
              {isTransactional === true && <span class="muted"> {words.runs.transactional}</span>}
            </>
          ),
        },
        { id: 'count', header: text.count, isNumber: true, cell: ({ count }) => number(count) },
        {
          id: 'share',
          header: text.share,
          isNumber: true,
          cell: ({ count }) => (
            <>
              {percent(count / deliveries)} <meter min={0} max={deliveries} value={count} aria-hidden="true" />
            </>
          ),
        },
        { id: 'first', header: text.first, cell: ({ firstAt }) => <Ago at={firstAt} /> },
        { id: 'last', header: text.last, cell: ({ lastAt }) => <Ago at={lastAt} /> },
        ...(acts.length > 0 ? [{ id: 'acts', header: text.acts, cell: buttons }] : []),
      ]}
    />
  );
}
