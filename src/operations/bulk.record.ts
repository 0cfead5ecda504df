import type { BulkRow } from '../inbox/bulk.entity.js';
import { printOnly } from '../instrumentation/print-only.js';
import type { BulkOperation, BulkSelection, StoredSelection } from './bulk.view.js';
import { pick } from './pick.js';

const FIELDS = [
  'id',
  'action',
  'state',
  'pausedBy',
  'asOf',
  'expected',
  'done',
  'skipped',
  'rate',
  'pauseAt',
  'operator',
  'source',
  'reason',
  'startedAt',
  'updatedAt',
  'endedAt',
] as const satisfies readonly (keyof BulkRow & keyof BulkOperation)[];

/** Returns a selection as it is kept: moments are numbers, and what is undefined is left out. */
export function storedSelection({ receivedBetween, ...conditions }: BulkSelection, asOf: number): StoredSelection {
  const given = Object.entries(conditions).filter(([, value]) => value !== undefined);
  const stored = Object.fromEntries(given) as unknown as StoredSelection;
  if (!receivedBetween) return stored;
  return { ...stored, receivedBetween: [Number(receivedBetween[0]), Math.min(Number(receivedBetween[1]), asOf)] };
}

/** Returns the read model of a bulk operation. */
export function bulkOf(row: BulkRow, now: number, deadAgain = row.deadAgain): BulkOperation {
  const operation = {
    ...pick(row, FIELDS),
    selection: selectionIn(row),
    handlers: row.handlers === null ? null : (JSON.parse(row.handlers) as string[]),
    deadAgain,
    instance: row.leaseExpiresAt > now ? row.instance : null,
  };
  return printOnly(operation, ['id', 'action', 'state', 'expected', 'done', 'skipped'], 'BulkOperation');
}

export function selectionIn({ selection }: BulkRow): StoredSelection {
  return JSON.parse(selection) as StoredSelection;
}
