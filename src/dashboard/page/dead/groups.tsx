import type { BulkConditions, ErrorListing } from '../../api/contract.js';
import { addressOf, type Filters } from '../app/router.js';
import { useCan } from '../app/session.js';
import { number, percent } from '../parts/numbers.js';
import { Table } from '../parts/table.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';

const text = words.dead;

type ErrorGroup = ErrorListing['groups'][number];

export interface Wish {
  readonly action: 'replay' | 'discard';
  readonly conditions: BulkConditions;
}

function conditionsOf({ handler, search }: ErrorGroup, state: 'dead' | 'pending'): Filters & BulkConditions {
  return { state, ...(handler && { handler }), ...(search && { error: search }) };
}

function GroupError({ group, state }: { group: ErrorGroup; state: 'dead' | 'pending' }) {
  return (
    <a data-open class="error-text whole" href={addressOf('deliveries', null, conditionsOf(group, state))}>
      {group.error ?? text.noError}
    </a>
  );
}

interface ButtonsProps {
  readonly group: ErrorGroup;
  readonly acts: readonly Wish['action'][];
  readonly onWish: (wish: Wish) => void;
}

function GroupButtons({ group, acts, onWish }: ButtonsProps) {
  return (
    <span class="buttons">
      {acts.map((action) => (
        <button
          key={action}
          type="button"
          aria-label={text.actOn[action](group.error ?? text.noError)}
          onClick={() => onWish({ action, conditions: conditionsOf(group, 'dead') })}
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
  readonly onWish: (wish: Wish) => void;
}

/** Failures that differ in numbers, ids and quoted texts only, the largest group first. */
export function Groups({ errors: { groups, deliveries }, state, onWish }: Props) {
  const can = useCan();
  const acts = (['replay', 'discard'] as const).filter((act) => can('bulk') && can(act) && state === 'dead');
  const buttons = (group: ErrorGroup) => <GroupButtons group={group} acts={acts} onWish={onWish} />;
  return (
    <Table
      caption={text.caption}
      rows={groups}
      keyOf={({ handler, error }) => `${handler} ${error}`}
      columns={[
        {
          id: 'error',
          header: text.error,
          isHeader: true,
          cell: (group) => <GroupError group={group} state={state} />,
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
