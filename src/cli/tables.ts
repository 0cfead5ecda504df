import Table from 'cli-table3';
import type { DeliverySummary } from '../operations/delivery.view.js';
import { printable } from './printable.js';

const style = {
  style: { head: [], border: [] },
  chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
};

/** Row of a table of deliveries, without personal data. */
export type Row = Omit<DeliverySummary, 'externalReferenceId'>;

/** Returns deliveries as a table without colours. */
export function deliveryTable(rows: readonly Row[]): string {
  if (rows.length === 0) return 'No delivery matches.';
  const table = new Table({ head: ['id', 'session', 'status', 'state', 'dispatches', 'received'], ...style });
  for (const { id, sessionId, status, state, dispatches, receivedAt } of rows)
    table.push([id, printable(sessionId ?? ''), status, state, dispatches, new Date(receivedAt).toISOString()]);
  return table.toString();
}

/** Returns names and values as a table. Moments are in ISO 8601, and what is null is left out. */
export function factsTable(facts: Readonly<Record<string, unknown>>): string {
  const table = new Table(style);
  for (const [name, value] of Object.entries(facts))
    if (value !== null) table.push([printable(name), shown(name, value)]);
  return table.toString();
}

/** Returns some fields of rows as a table, a row in a line. */
export function rowsTable(fields: readonly string[], rows: readonly object[]): string {
  if (rows.length === 0) return 'Nothing found.';
  const table = new Table({ head: [...fields], ...style });
  for (const row of rows) table.push(fields.map((name) => shown(name, (row as Record<string, unknown>)[name] ?? '')));
  return table.toString();
}

function shown(name: string, value: unknown): string {
  return name.endsWith('At') && typeof value === 'number' ? new Date(value).toISOString() : printable(String(value));
}
