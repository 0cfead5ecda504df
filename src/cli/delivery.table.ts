import Table from 'cli-table3';
import type { DeliverySummary } from '../operations/delivery.view.js';

const style = {
  style: { head: [], border: [] },
  chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
};

/** What the command line shows of a delivery: nothing of the person. */
export type Row = Omit<DeliverySummary, 'externalReferenceId'>;

/** Returns deliveries as a table without colours. */
export function deliveryTable(rows: readonly Row[]): string {
  if (rows.length === 0) return 'No delivery is selected.';
  const table = new Table({ head: ['id', 'session', 'status', 'state', 'attempts', 'received'], ...style });
  for (const { id, sessionId, status, state, attempts, receivedAt } of rows)
    table.push([id, sessionId, status, state, attempts, new Date(receivedAt).toISOString()]);
  return table.toString();
}

/** Returns names and values as a table. Moments are in ISO 8601, and what is null is left out. */
export function factsTable(facts: Readonly<Record<string, unknown>>): string {
  const table = new Table(style);
  for (const [name, value] of Object.entries(facts)) if (value !== null) table.push([name, shown(name, value)]);
  return table.toString();
}

function shown(name: string, value: unknown): string {
  return name.endsWith('At') && typeof value === 'number' ? new Date(value).toISOString() : String(value);
}
