import { useState } from 'preact/hooks';
import { refreshNow } from '../api/use-poll.js';
import { useSay } from '../app/announcer.js';
import { useKeys } from '../app/keys.js';
import { addressOf } from '../app/router.js';
import { useCan, useTenantMissing } from '../app/session.js';
import { ActDialog } from '../parts/act-dialog.js';
import { canSelect } from '../dead/wish.js';
import { words } from '../words/index.js';
import { actOnMany, type Outcome } from './act-on-many.js';
import type { Selection } from './use-selection.js';

/** Most deliveries that are acted on one by one. More are a bulk operation. */
const MOST = 200;
const text = words.selection;

function summaryOf(act: 'replay' | 'discard', { done, failures }: Outcome): string {
  const rest = [...failures].map(([message, count]) => text.failed(count, message));
  return [text.done[act](done), ...rest].join(' ');
}

interface Props {
  readonly selection: Selection;
  readonly shown: readonly string[];
  /** The filter, as query, for everything that matches. */
  readonly query: URLSearchParams;
}

/** Leads to the preview of a bulk operation on what the filters match. */
function AllThatMatch({ query }: { query: URLSearchParams }) {
  const can = useCan();
  const isOffered = can('bulk') && !useTenantMissing(query);
  const acts = (['replay', 'discard'] as const).filter((act) => isOffered && can(act) && canSelect(act, query));
  return (
    <>
      {acts.map((act) => (
        <a key={act} href={addressOf('dead', null, { ...Object.fromEntries(query), preview: act })}>
          {text.matching[act]}
        </a>
      ))}
    </>
  );
}

/** What can be done with the chosen rows. */
export function SelectionBar({ selection, shown, query }: Props) {
  const [asked, ask] = useState<'replay' | 'discard' | null>(null);
  const [progress, setProgress] = useState(0);
  const say = useSay();
  const can = useCan();
  const { size } = selection.ids;
  const canAct = size > 0 && size <= MOST;
  const begin = (act: 'replay' | 'discard') => () => {
    if (canAct && can(act)) ask(act);
  };
  useKeys({ R: begin('replay'), D: begin('discard') });
  const act = async (reason: string | undefined) => {
    if (!asked) return;
    const outcome = await actOnMany([...selection.ids], asked, reason, setProgress);
    say(summaryOf(asked, outcome));
    selection.replace([]);
    ask(null);
    refreshNow();
  };
  return (
    <div class="selection">
      <span>{text.chosen(size)}</span>
      <button type="button" onClick={() => selection.replace(shown)}>
        {text.all(shown.length)}
      </button>
      {size > 0 && (
        <button type="button" onClick={() => selection.replace([])}>
          {text.none}
        </button>
      )}
      {can('replay') && (
        <button type="button" disabled={!canAct} onClick={begin('replay')}>
          {text.replay}
        </button>
      )}
      {can('discard') && (
        <button type="button" disabled={!canAct} onClick={begin('discard')}>
          {text.discard}
        </button>
      )}
      <AllThatMatch query={query} />
      {size > MOST && <span class="error">{text.tooMany(MOST)}</span>}
      {asked && (
        <ActDialog
          title={text.question[asked](size)}
          button={text[asked]}
          isDangerous={asked === 'discard'}
          onClose={() => ask(null)}
          act={act}
        >
          <p>{words.meaning[asked]}</p>
          {progress > 0 && <progress max={size} value={progress} aria-label={text.progress} />}
        </ActDialog>
      )}
    </div>
  );
}
