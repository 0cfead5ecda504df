import type { DeliveryRow } from '../../api/contract.js';
import { addressOf } from '../app/router.js';
import { DeliveryBadge, Status } from '../parts/badge.js';
import { Ago } from '../time/time.js';
import { words } from '../words/index.js';

/** The delivery whose content stands for the session. */
export function Standing({ standing }: { standing: DeliveryRow }) {
  return (
    <section class="panel">
      <h2>{words.rejection.standing}</h2>
      <p>
        <Status status={standing.status} /> <DeliveryBadge state={standing.state} reason={standing.reason} />{' '}
        <a href={addressOf('deliveries', standing.id)}>{standing.sessionId ?? standing.id}</a>,{' '}
        <Ago at={standing.receivedAt} />
      </p>
    </section>
  );
}
