import { useState } from 'preact/hooks';
import type { DeliveryAnswer, DeliveryDetail, ReplayRequest, RevealAnswer, RunRow } from '../../api/contract.js';
import { post } from '../api/client.js';
import { refreshNow } from '../api/use-poll.js';
import { useSay } from '../app/announcer.js';
import { useKeys } from '../app/keys.js';
import { useCan } from '../app/session.js';
import { ActDialog } from '../parts/act-dialog.js';
import { RevealDialog } from '../parts/reveal.js';
import { words } from '../words/index.js';

export type Asked = { act: 'replay' } | { act: 'discard' } | { act: 'reveal' } | { act: 'run'; run: RunRow };

const text = words.delivery;

/** What may be done with a delivery in its state. The server decides again. */
export function possible({ row }: DeliveryDetail): { replay: boolean; discard: boolean; reveal: boolean } {
  const isReadable = row.contents === 'readable';
  const isOver = row.state !== 'processing' && row.state !== 'erased';
  return {
    replay: isReadable && isOver && row.state !== 'pending',
    discard: isOver && row.state !== 'completed' && row.state !== 'discarded',
    reveal: isReadable,
  };
}

interface Props {
  readonly detail: DeliveryDetail;
  readonly onAsk: (asked: Asked) => void;
}

/** Buttons of the head, and their keys. */
export function DeliveryButtons({ detail, onAsk }: Props) {
  const can = useCan();
  const may = possible(detail);
  const offers = (['replay', 'discard', 'reveal'] as const).filter((act) => can(act) && may[act]);
  const begin = (act: (typeof offers)[number]) => () => {
    if (offers.includes(act)) onAsk({ act });
  };
  useKeys({ R: begin('replay'), D: begin('discard'), V: begin('reveal') });
  return (
    <p class="buttons">
      {offers.map((act) => (
        <button key={act} type="button" class={act === 'replay' ? 'primary' : ''} onClick={begin(act)}>
          {text.buttons[act]}
        </button>
      ))}
      {offers.length === 0 && <span class="muted">{text.nothingToDo}</span>}
    </p>
  );
}

interface DialogProps {
  readonly detail: DeliveryDetail;
  readonly asked: Asked;
  readonly onClose: () => void;
  readonly onRevealed: (answer: RevealAnswer) => void;
}

function meaningOf(asked: Asked): string {
  if (asked.act !== 'run') return words.meaning[asked.act === 'discard' ? 'discard' : 'replay'];
  if (asked.run.isTransactional === true) return text.againTransactional;
  return asked.run.state === 'completed' ? text.againCompleted : text.again;
}

/** Asks before it acts; what it means is said in the dialog. */
export function DeliveryDialog({ detail, asked, onClose, onRevealed }: DialogProps) {
  const say = useSay();
  const { id } = detail.row;
  const [address] = useState(`deliveries/${id}`);
  if (asked.act === 'reveal') return <RevealDialog target={address} onClose={onClose} onRevealed={onRevealed} />;
  const path = asked.act === 'discard' ? 'discard' : 'replay';
  const act = async (reason: string | undefined) => {
    const handlers = asked.act === 'run' ? { handlers: [asked.run.handler] } : {};
    const body: ReplayRequest = { ...handlers, ...(reason !== undefined && { reason }) };
    await post<DeliveryAnswer>(`${address}/${path}`, body);
    onClose();
    refreshNow();
    say(text.done[path]);
  };
  return (
    <ActDialog
      title={asked.act === 'run' ? text.runTitle(asked.run.handler) : text.titles[asked.act]}
      button={text.act[path]}
      isDangerous={path === 'discard'}
      onClose={onClose}
      act={act}
    >
      <p>{meaningOf(asked)}</p>
    </ActDialog>
  );
}
