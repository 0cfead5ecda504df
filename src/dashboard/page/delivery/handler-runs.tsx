import type { RunRow } from '../../api/contract.js';
import { Badge } from '../parts/badge.js';
import { number } from '../parts/numbers.js';
import { Table } from '../parts/table.js';
import { MaybeAgo } from '../time/time.js';
import { words } from '../words/index.js';

const text = words.runs;

function Handler({ run: { handler, isSubscribed, isTransactional } }: { run: RunRow }) {
  return (
    <>
      <code>{handler}</code>
      {isTransactional === true && <span class="muted"> {text.transactional}</span>}
      {!isSubscribed && <span class="muted"> {text.notSubscribed}</span>}
    </>
  );
}

interface Props {
  readonly runs: readonly RunRow[];
  /** Asks whether a handler is to run again; null if that cannot be done. */
  readonly onRunAgain: ((run: RunRow) => void) | null;
}

/** The state of every handler for this delivery. */
export function HandlerRuns({ runs, onRunAgain }: Props) {
  if (runs.length === 0) return <p class="empty">{text.none}</p>;
  return (
    <Table
      caption={text.caption}
      rows={runs}
      keyOf={({ handler }) => handler}
      columns={[
        { id: 'handler', header: text.handler, isHeader: true, cell: (run) => <Handler run={run} /> },
        { id: 'state', header: text.state, cell: ({ state }) => <Badge state={state} word={text.states[state]} /> },
        { id: 'attempts', header: text.attempts, isNumber: true, cell: ({ attempts }) => number(attempts) },
        { id: 'next', header: text.next, cell: ({ nextAttemptAt }) => <MaybeAgo at={nextAttemptAt} /> },
        {
          id: 'error',
          header: text.error,
          cell: ({ lastError }) =>
            lastError === null ? (
              <span class="muted">{words.none}</span>
            ) : (
              <span class="error-text whole">{lastError}</span>
            ),
        },
        ...(onRunAgain
          ? [
              {
                id: 'again',
                header: text.again,
                cell: (run: RunRow) =>
                  run.isSubscribed ? (
                    <button type="button" aria-label={text.runAgainOf(run.handler)} onClick={() => onRunAgain(run)}>
                      {text.runAgain}
                    </button>
                  ) : (
                    <span class="muted">{words.none}</span>
                  ),
              },
            ]
          : []),
      ]}
    />
  );
}
