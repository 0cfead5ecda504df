import { useCallback, useEffect, useState } from 'preact/hooks';
import type { DeliveryDetail, RevealAnswer } from '../../api/contract.js';
import { get } from '../api/client.js';
import { usePoll } from '../api/use-poll.js';
import { useKeys } from '../app/keys.js';
import { addressOf, go } from '../app/router.js';
import { useCan } from '../app/session.js';
import { MaskedTree } from '../parts/masked-value.js';
import { Polled } from '../parts/poll-state.js';
import { Revealed } from '../parts/reveal.js';
import { words } from '../words/index.js';
import { SessionRejections } from './session-rejections.js';
import { DeliveryButtons, DeliveryDialog, possible, type Asked } from './delivery-acts.js';
import { DeliveryCopies, DeliveryFacts } from './delivery-head.js';
import { HandlerRuns } from './handler-runs.js';
import { Timeline } from './timeline.js';

const text = words.delivery;

function Payload({ detail: { payload, row }, answer, onHide }: PayloadProps) {
  if (answer) return <Revealed answer={answer} onHide={onHide} />;
  if (!payload) return <p class="empty">{words.contents[row.contents]}</p>;
  return (
    <>
      <p class="muted">{text.masked}</p>
      <MaskedTree value={payload} />
    </>
  );
}

interface PayloadProps {
  readonly detail: DeliveryDetail;
  readonly answer: RevealAnswer | null;
  readonly onHide: () => void;
}

/** Goes on to the rejection with an id that is of no delivery: a record of a reveal does not say of which it is. */
function useRejectionInstead(id: string, isMissing: boolean): void {
  useEffect(() => {
    if (!isMissing) return;
    get(`rejections/${encodeURIComponent(id)}`).then(
      () => location.replace(addressOf('rejections', id)),
      () => undefined, // neither: the page says that there is no such delivery
    );
  }, [id, isMissing]);
}

/** One delivery: what happened to it, and what can be done. */
export function DeliveryDetailPage({ id }: { id: string }) {
  const poll = usePoll<DeliveryDetail>(`deliveries/${encodeURIComponent(id)}`);
  useRejectionInstead(id, poll.error?.status === 404);
  const [asked, ask] = useState<Asked | null>(null);
  const [answer, setAnswer] = useState<RevealAnswer | null>(null);
  const hide = useCallback(() => setAnswer(null), []);
  const can = useCan();
  useKeys({ u: () => go(addressOf('deliveries')) });
  return (
    <>
      <p>
        <a href={addressOf('deliveries')}>{text.back}</a>
      </p>
      <Polled poll={poll}>
        {(detail) => (
          <>
            <section class="panel" aria-label={text.facts}>
              <DeliveryFacts detail={detail} />
              <DeliveryButtons detail={detail} onAsk={ask} />
              <DeliveryCopies detail={detail} />
            </section>
            <section class="panel">
              <h2>{text.timeline}</h2>
              <Timeline entries={detail.timeline} />
            </section>
            <section class="panel">
              <h2>{text.handlers}</h2>
              <HandlerRuns
                runs={detail.runs}
                onRunAgain={can('replay') && possible(detail).replay ? (run) => ask({ act: 'run', run }) : null}
              />
            </section>
            <section class="panel">
              <h2>{text.payload}</h2>
              <Payload detail={detail} answer={answer} onHide={hide} />
            </section>
            {detail.rejections.length > 0 && <SessionRejections rejections={detail.rejections} />}
            {asked && <DeliveryDialog detail={detail} asked={asked} onClose={() => ask(null)} onRevealed={setAnswer} />}
          </>
        )}
      </Polled>
    </>
  );
}
