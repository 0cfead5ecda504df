import Table from 'cli-table3';
import { hintsFor } from './hints.js';
import { printable } from './printable.js';
import type { Failure, Summary } from './summary.counter.js';

const withoutLinesBetweenRows = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

/** Facts that the command knows and the counter does not. */
export interface CommandFacts {
  /** Additional rows of the table, by name. */
  readonly more: Readonly<Record<string, string | number>>;
  readonly hasSecret: boolean;
}

/** Returns the summary as a table. The text has no colours, so that it can be piped. */
export function summaryTable(summary: Summary, { more = {}, hasSecret = true }: Partial<CommandFacts> = {}): string {
  const { latency } = summary;
  const table = new Table({ style: { head: [], border: [] }, chars: withoutLinesBetweenRows });
  const rows: Record<string, string | number> = {
    deliveries: summary.deliveries,
    'different sessions': summary.sessions,
    ...more,
    attempts: summary.attempts,
    'status codes': counted(summary.statusCodes),
    'no answer': counted(summary.errors),
    'p50 / p95 / p99': latency ? `${latency.p50} / ${latency.p95} / ${latency.p99} ms` : 'none',
    retries: summary.retries,
    failures: summary.failed,
    time: `${(summary.duration / 1_000).toFixed(1)} s, ${summary.perSecond} deliveries/s`,
  };
  for (const [name, value] of Object.entries(rows)) table.push([name, { content: String(value), hAlign: 'right' }]);
  return [
    table.toString(),
    ...summary.failures.map(described),
    ...furtherFailures(summary),
    ...hintsFor(summary, hasSecret),
  ].join('\n');
}

function counted(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([what, count]) => `${what}: ${count}`);
  return parts.join(', ') || 'none';
}

function described({ sessionId, attempts, statusCode, error }: Failure): string {
  return `Session ${printable(sessionId)} failed after ${attempts} attempt(s): ${error ?? `answered ${statusCode}`}`;
}

function furtherFailures({ failed, failures }: Summary): string[] {
  return failed > failures.length ? [`… and ${failed - failures.length} more`] : [];
}
