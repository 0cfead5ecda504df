import { REVEAL_REASON_LENGTHS } from '../operations/action.options.js';
import type { DeliveryDetails } from '../operations/delivery.view.js';
import { maskId, maskText, shapeOf } from '../operations/contents.mask.js';
import { factsTable, rowsTable } from './tables.js';
import { printable } from './printable.js';
import type { Acting } from './operator.js';
import { UsageError } from './usage.error.js';

/** `true`: `--reveal`, on a terminal only; `file`: `--reveal=file`. */
export type Reveal = true | 'file' | undefined;

/**
 * Refuses to reveal contents into a pipe or a file by accident, for such a copy stays, and without a reason.
 *
 * @throws UsageError
 */
export function assertMayReveal(
  { reveal, reason }: { readonly reveal?: Reveal } & Acting,
  { isTTY }: { readonly isTTY?: boolean },
): void {
  const { length } = (reason ?? '').trim();
  if (reveal && (length < REVEAL_REASON_LENGTHS.from || length > REVEAL_REASON_LENGTHS.to))
    throw new UsageError(
      `--reveal needs --reason, for the record of actions: ${REVEAL_REASON_LENGTHS.from} to ${REVEAL_REASON_LENGTHS.to} characters.`,
    );
  if (reveal === true && !isTTY)
    throw new UsageError('The output is no terminal, so what is revealed would stay. Write --reveal=file if it may.');
}

/** A delivery as it is shown: with its contents, or with their shape. */
type ShownDelivery = Omit<DeliveryDetails, 'rawBody'> & {
  readonly rawBody?: string | null;
  readonly shape?: object | null;
};

/** What happened to a delivery. */
interface Past {
  readonly attempts: readonly object[];
  readonly actions: readonly object[];
}

/**
 * Returns what is shown of a delivery: of a person nothing but the shape of the contents, unless it is to be revealed.
 */
export function shownOf(found: DeliveryDetails, reveal: Reveal): ShownDelivery {
  const { rawBody, externalReferenceId, sessionId, ...facts } = found;
  if (reveal) return { ...facts, sessionId, externalReferenceId, rawBody };
  return {
    ...facts,
    sessionId: sessionId && maskId(sessionId),
    externalReferenceId: externalReferenceId && maskText(externalReferenceId),
    shape: rawBody === null ? null : shapeOf(rawBody),
  };
}

/** Returns it as tables: the facts, the contents or their shape, a table for each run, and what happened to it. */
export function showTables({ runs, shape, rawBody, ...facts }: ShownDelivery, { attempts, actions }: Past): string {
  const contents = rawBody ? printable(rawBody) : shape && factsTable({ ...shape });
  const each = runs.map((run) => factsTable({ ...run }));
  const history = [
    ...tableOf(['endedAt', 'handler', 'attempt', 'outcome', 'error'], attempts),
    ...tableOf(['actedAt', 'operator', 'action', 'handlers', 'reason'], actions),
  ];
  return [factsTable({ ...facts }), contents, ...each, ...history]
    .filter((part) => typeof part === 'string')
    .join('\n');
}

function tableOf(fields: readonly string[], rows: readonly object[]): string[] {
  return rows.length > 0 ? [rowsTable(fields, rows)] : [];
}

/** Returns the line that says who has revealed what. */
export function revealLine({ id, contents }: DeliveryDetails, by: string): string {
  if (contents !== 'readable') return `The contents of delivery ${id} cannot be shown here: ${contents}.`;
  return `${by} has revealed the contents of delivery ${id}.`;
}
