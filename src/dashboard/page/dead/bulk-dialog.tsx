import { useEffect, useId, useState } from 'preact/hooks';
import type { BulkAnswer, BulkPreviewAnswer, BulkPreviewRequest, BulkStartRequest } from '../../api/contract.js';
import { messageOf, post } from '../api/client.js';
import { refreshNow } from '../api/use-poll.js';
import { useSay } from '../app/announcer.js';
import { useSession } from '../app/session.js';
import { number } from '../parts/numbers.js';
import { Dialog } from '../parts/dialog.js';
import { FormFoot } from '../parts/form-foot.js';
import { useAct } from '../parts/use-act.js';
import { duration } from '../time/format.js';
import { words } from '../words/index.js';
import type { Wish } from './wish.js';
import { PreviewFacts } from './preview.js';

/** From this many on, the count is typed. */
const TYPED_FROM = 100;
const text = words.bulk;

/** Reads the preview once; a second one is a second set. */
function usePreview({ action, conditions }: Wish): { preview: BulkPreviewAnswer | null; error: string | null } {
  const [state, setState] = useState<{ preview: BulkPreviewAnswer | null; error: string | null }>({
    preview: null,
    error: null,
  });
  useEffect(() => {
    post<BulkPreviewAnswer>('bulk/preview', { action, conditions } satisfies BulkPreviewRequest).then(
      (preview) => setState({ preview, error: null }),
      (error: unknown) => setState({ preview: null, error: messageOf(error) }),
    );
  }, []);
  return state;
}

interface Props {
  readonly wish: Wish;
  readonly onClose: () => void;
}

/** Shows what would be done, and starts it once that is confirmed. */
export function BulkDialog({ wish, onClose }: Props) {
  const { preview, error } = usePreview(wish);
  return (
    <Dialog title={text.titles[wish.action]} onClose={onClose} isWide>
      {error !== null && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {!preview && error === null && <p class="muted">{text.counting}</p>}
      {preview && preview.count > 0 ? (
        <StartForm preview={preview} wish={wish} onClose={onClose} />
      ) : (
        <>
          {preview && <p>{text.nothing}</p>}
          <p class="buttons">
            <button type="button" onClick={onClose}>
              {words.actions.close}
            </button>
          </p>
        </>
      )}
    </Dialog>
  );
}

interface FormProps extends Props {
  readonly preview: BulkPreviewAnswer;
}

/** What the operator has chosen. `typed` is the count as they typed it. */
interface Choice {
  readonly rate: number;
  readonly reason: string;
  readonly typed: string;
}

function isConfirmed({ count, isCapped }: BulkPreviewAnswer, { typed }: Choice): boolean {
  return !isCapped && (count <= TYPED_FROM || typed.replaceAll(/[^\d]/g, '') === String(count));
}

function StartForm({ preview, wish, onClose }: FormProps) {
  const { bulk } = useSession();
  const [choice, setChoice] = useState<Choice>({ rate: bulk.rate, reason: '', typed: '' });
  const { isRunning, error, run } = useAct();
  const say = useSay();
  const { count, token } = preview;
  const start = async () => {
    const reason = choice.reason.trim();
    const request: BulkStartRequest = { token, expected: count, rate: choice.rate, ...(reason && { reason }) };
    await post<BulkAnswer>('bulk', request);
    onClose();
    refreshNow();
    say(text.started(number(count)));
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (isConfirmed(preview, choice)) run(start);
  };
  return (
    <form onSubmit={submit}>
      <PreviewFacts preview={preview} wish={wish} />
      <Choices preview={preview} choice={choice} onChoose={(changes) => setChoice({ ...choice, ...changes })} />
      <FormFoot
        button={text.start[wish.action](number(count))}
        isDangerous={wish.action === 'discard'}
        isDisabled={!isConfirmed(preview, choice)}
        isRunning={isRunning}
        error={error}
        onClose={onClose}
      />
    </form>
  );
}

interface ChoicesProps {
  readonly preview: BulkPreviewAnswer;
  readonly choice: Choice;
  readonly onChoose: (changes: Partial<Choice>) => void;
}

function Choices({ preview: { count, isCapped }, choice: { rate, reason, typed }, onChoose }: ChoicesProps) {
  const { bulk } = useSession();
  const id = useId();
  return (
    <>
      <div class="form-line">
        <label for={`${id}-rate`}>{text.rate}</label>
        <input
          id={`${id}-rate`}
          type="number"
          min={0.1}
          step="any"
          max={bulk.maxRate}
          required
          value={rate}
          onInput={(event) => onChoose({ rate: event.currentTarget.valueAsNumber })}
        />
        <span class="muted">{rate > 0 && text.takes(duration((count / rate) * 1_000))}</span>
      </div>
      <label for={`${id}-reason`}>{words.actions.reasonOptional}</label>
      <textarea
        id={`${id}-reason`}
        rows={2}
        maxLength={300}
        value={reason}
        onInput={(event) => onChoose({ reason: event.currentTarget.value })}
      />
      {isCapped && <p class="error">{text.capped(`${number(count)}+`)}</p>}
      {count > TYPED_FROM && !isCapped && (
        <div class="form-line">
          <label for={`${id}-count`}>{text.type(number(count))}</label>
          <input
            id={`${id}-count`}
            type="text"
            inputMode="numeric"
            autocomplete="off"
            required
            value={typed}
            onInput={(event) => onChoose({ typed: event.currentTarget.value })}
          />
        </div>
      )}
    </>
  );
}
