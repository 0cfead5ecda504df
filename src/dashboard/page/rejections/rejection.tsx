import { useCallback, useState } from 'preact/hooks';
import type { ReasonRequest, RejectionAnswer, RejectionDetail, RevealAnswer } from '../../api/contract.js';
import { post } from '../api/client.js';
import { refreshNow, usePoll } from '../api/use-poll.js';
import { useSay } from '../app/announcer.js';
import { useKeys } from '../app/keys.js';
import { addressOf, go } from '../app/router.js';
import { useCan } from '../app/session.js';
import { ActDialog } from '../parts/act-dialog.js';
import { Changes } from '../parts/changes.js';
import { MaskedTree } from '../parts/masked-value.js';
import { Polled } from '../parts/poll-state.js';
import { Revealed, RevealDialog } from '../parts/reveal.js';
import { words } from '../words/index.js';
import { RejectionCopies, RejectionFacts } from './rejection-facts.js';
import { Standing } from './standing.js';

const text = words.rejection;

type Asked = 'accept' | 'discard' | 'reveal';

function isConflict({ row }: RejectionDetail): boolean {
  return row.reason === 'conflict' || row.reason === 'stale' || row.reason === 'superseded';
}

/** What is offered in this state. The server decides again. */
function offersOf({ row, contents }: RejectionDetail, can: ReturnType<typeof useCan>): readonly Asked[] {
  const isOpen = row.state === 'open' && can('decide');
  return [
    ...(isOpen && contents === 'readable' ? (['accept'] as const) : []),
    ...(isOpen ? (['discard'] as const) : []),
    ...(contents === 'readable' && can('reveal') ? (['reveal'] as const) : []),
  ];
}

function Buttons({ offers, onAsk }: { offers: readonly Asked[]; onAsk: (asked: Asked) => void }) {
  const begin = (act: Asked) => () => {
    if (offers.includes(act)) onAsk(act);
  };
  useKeys({ D: begin('discard'), V: begin('reveal'), u: () => go(addressOf('rejections')) });
  return (
    <p class="buttons">
      {offers.map((act) => (
        <button key={act} type="button" class={act === 'accept' ? 'primary' : ''} onClick={begin(act)}>
          {text.buttons[act]}
        </button>
      ))}
    </p>
  );
}

interface DecisionProps {
  readonly detail: RejectionDetail;
  readonly asked: 'accept' | 'discard';
  readonly onClose: () => void;
}

function Decision({ detail, asked, onClose }: DecisionProps) {
  const say = useSay();
  const act = async (reason: string | undefined) => {
    const body: ReasonRequest = reason === undefined ? {} : { reason };
    const { result } = await post<RejectionAnswer>(`rejections/${detail.row.id}/${asked}`, body);
    onClose();
    refreshNow();
    say(text.results[result]);
  };
  const meaning = asked === 'discard' ? text.discardMeans : isConflict(detail) ? text.conflictMeans : text.acceptMeans;
  return (
    <ActDialog
      title={text.titles[asked]}
      button={text.act[asked]}
      isDangerous={asked === 'discard'}
      onClose={onClose}
      act={act}
    >
      <p>{meaning}</p>
    </ActDialog>
  );
}

function Contents({ detail }: { detail: RejectionDetail }) {
  return (
    <>
      {detail.constraints.length > 0 && (
        <section class="panel">
          <h2>{text.constraints}</h2>
          <ul>
            {detail.constraints.map((constraint) => (
              <li key={constraint}>{constraint}</li>
            ))}
          </ul>
        </section>
      )}
      {detail.standing && <Standing standing={detail.standing} />}
      {detail.changes && (
        <section class="panel">
          <h2>{text.changes}</h2>
          <Changes changes={detail.changes} />
        </section>
      )}
    </>
  );
}

/** One rejection: why it became no delivery, what differs, and the decision. */
export function RejectionDetailPage({ id }: { id: string }) {
  const poll = usePoll<RejectionDetail>(`rejections/${encodeURIComponent(id)}`);
  const [asked, ask] = useState<Asked | null>(null);
  const [answer, setAnswer] = useState<RevealAnswer | null>(null);
  const hide = useCallback(() => setAnswer(null), []);
  const can = useCan();
  const close = () => ask(null);
  return (
    <>
      <p>
        <a href={addressOf('rejections')}>{text.back}</a>
      </p>
      <Polled poll={poll}>
        {(detail) => (
          <>
            <section class="panel" aria-label={text.facts}>
              <RejectionFacts detail={detail} />
              <Buttons offers={offersOf(detail, can)} onAsk={ask} />
              <RejectionCopies detail={detail} />
            </section>
            <Contents detail={detail} />
            <section class="panel">
              <h2>{text.body}</h2>
              {answer && <Revealed answer={answer} onHide={hide} />}
              {!answer && detail.payload && <MaskedTree value={detail.payload} />}
              {!answer && !detail.payload && (
                <p class="empty">{detail.contents === 'readable' ? text.notJson : words.contents[detail.contents]}</p>
              )}
            </section>
            {asked === 'reveal' && <RevealDialog target={`rejections/${id}`} onClose={close} onRevealed={setAnswer} />}
            {(asked === 'accept' || asked === 'discard') && <Decision detail={detail} asked={asked} onClose={close} />}
          </>
        )}
      </Polled>
    </>
  );
}
