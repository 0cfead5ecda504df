import type { DeliveryDetail } from '../../api/contract.js';
import { addressOf } from '../app/router.js';
import { RejectionBadge } from '../parts/badge.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';

/** Other contents that came for the same session. */
export function SessionRejections({ rejections }: { rejections: DeliveryDetail['rejections'] }) {
  return (
    <section class="panel">
      <h2>{words.delivery.rejections}</h2>
      <ul class="plain">
        {rejections.map(({ id, reason, state, firstReceivedAt }) => (
          <li key={id}>
            <RejectionBadge state={state} /> <a href={addressOf('rejections', id)}>{words.rejectionReasons[reason]}</a>,{' '}
            <Ago at={firstReceivedAt} />
          </li>
        ))}
      </ul>
    </section>
  );
}
