import { useEffect, useRef, useState } from 'preact/hooks';
import type { RevealAnswer, RevealRequest } from '../../api/contract.js';
import { post } from '../api/client.js';
import { useSay } from '../app/announcer.js';
import { useSession } from '../app/session.js';
import { setServerTime, useTicking } from '../time/server-time.js';
import { words } from '../words/index.js';
import { ActDialog } from './act-dialog.js';
import { indentJson } from './indent-json.js';

interface DialogProps {
  /** Address of what is revealed, such as `deliveries/…`. */
  readonly target: string;
  readonly onClose: () => void;
  readonly onRevealed: (answer: RevealAnswer) => void;
}

/** Asks for the reason, which is recorded before anything is shown. */
export function RevealDialog({ target, onClose, onRevealed }: DialogProps) {
  const { reveal } = useSession();
  const say = useSay();
  return (
    <ActDialog
      title={words.reveal.title}
      button={words.reveal.button}
      minReason={reveal.minReason}
      onClose={onClose}
      act={async (reason = '') => {
        const answer = await post<RevealAnswer>(`${target}/reveal`, { reason } satisfies RevealRequest);
        setServerTime(answer.now);
        onRevealed(answer);
        onClose();
        say(words.reveal.shown);
      }}
    >
      <p>{words.reveal.warning}</p>
    </ActDialog>
  );
}

interface PanelProps {
  readonly answer: RevealAnswer;
  readonly onHide: () => void;
}

/** The text, until its time is up, the page is hidden or left. It is held nowhere else. */
export function Revealed({ answer, onHide }: PanelProps) {
  const [isKept, keep] = useState(false);
  const left = Math.max(0, Math.ceil((answer.hideAt - useTicking()) / 1_000));
  const isOver = !isKept && left === 0;
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => panel.current?.scrollIntoView({ block: 'nearest' }), []);
  useEffect(() => {
    const onVisibility = () => {
      if (document.hidden) onHide();
    };
    document.addEventListener('visibilitychange', onVisibility);
    addEventListener('pagehide', onHide);
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      removeEventListener('pagehide', onHide);
    };
  }, [onHide]);
  useEffect(() => {
    if (isOver) onHide();
  }, [isOver, onHide]);
  if (isOver) return null;
  return (
    <div class="revealed" ref={panel}>
      <p class="buttons">
        <span>{isKept ? words.reveal.kept : words.reveal.hidesIn(left)}</span>
        {!isKept && (
          <button type="button" onClick={() => keep(true)}>
            {words.reveal.keep}
          </button>
        )}
        <button type="button" onClick={onHide}>
          {words.reveal.hide}
        </button>
      </p>
      {answer.standing !== null && <RevealedText title={words.reveal.standing} text={answer.standing} />}
      <RevealedText title={answer.standing === null ? null : words.reveal.incoming} text={answer.payload} />
    </div>
  );
}

function RevealedText({ title, text }: { title: string | null; text: string }) {
  return (
    <section>
      {title !== null && <h3>{title}</h3>}
      {/* It scrolls, so it can have the focus. */}
      <pre tabIndex={0} role="region" aria-label={title ?? words.reveal.region}>
        {indentJson(text)}
      </pre>
    </section>
  );
}
