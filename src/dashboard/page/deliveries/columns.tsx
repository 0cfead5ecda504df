import type { DeliveryRow } from '../../api/contract.js';
import { addressOf } from '../app/router.js';
import { DeliveryBadge, Status } from '../parts/badge.js';
import { number } from '../parts/numbers.js';
import type { Column } from '../parts/table.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';

const text = words.deliveries;

function Session({ row }: { row: DeliveryRow }) {
  return (
    <a data-open class="id" title={row.sessionId ?? row.id} href={addressOf('deliveries', row.id)}>
      {words.shortSession(row.sessionId ?? row.id)}
    </a>
  );
}

/** The error leads to the detail too. */
function LastError({ row: { id, failure } }: { row: DeliveryRow }) {
  if (!failure) return <span class="muted">{words.none}</span>;
  return (
    <a class="error-text" href={addressOf('deliveries', id)}>
      <code>{failure.handler}</code> {failure.error ?? text.sealedError}
    </a>
  );
}

/** Columns that the viewer may hide. */
export const HIDEABLE = ['received', 'status', 'platform', 'tenant', 'dispatches', 'next', 'error'] as const;

export const deliveryColumns: readonly Column<DeliveryRow>[] = [
  { id: 'session', header: text.session, isHeader: true, cell: (row) => <Session row={row} /> },
  { id: 'state', header: text.state, cell: (row) => <DeliveryBadge state={row.state} reason={row.reason} /> },
  { id: 'received', header: text.received, cell: (row) => <Ago at={row.receivedAt} /> },
  { id: 'status', header: text.status, cell: (row) => <Status status={row.status} /> },
  { id: 'platform', header: text.platform, isNumber: true, cell: (row) => row.platformId ?? words.none },
  { id: 'tenant', header: text.tenant, cell: (row) => row.tenant || <span class="muted">{words.none}</span> },
  { id: 'dispatches', header: text.dispatches, isNumber: true, cell: (row) => number(row.dispatches) },
  {
    id: 'next',
    header: text.next,
    cell: (row) =>
      row.nextAttemptAt === null ? <span class="muted">{words.none}</span> : <Ago at={row.nextAttemptAt} />,
  },
  { id: 'error', header: text.lastError, cell: (row) => <LastError row={row} /> },
];
