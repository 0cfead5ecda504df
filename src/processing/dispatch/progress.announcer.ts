import { Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import type { Occurrences } from '../../instrumentation/occurrences.js';
import type { ClaimedDelivery } from '../../inbox/claimed-delivery.js';
import { waitOf, type ClaimOrigin } from './claim.origin.js';
import type { Outcome } from './delivery.outcome.js';

type Settled = Occurrences['settled'];

/** Delivery that a worker has, and the way in which it came to it. */
interface Work {
  readonly delivery: ClaimedDelivery;
  readonly origin: ClaimOrigin;
}

/** Announces the beginning and the end of processing each delivery, while somebody listens. */
@Injectable()
export class ProgressAnnouncer {
  constructor(
    private readonly instrumentation: Instrumentation,
    private readonly clock: Clock,
  ) {}

  begun({ delivery, origin }: Work): void {
    if (!this.instrumentation.hasSubscribers('begun')) return;
    const waited = waitOf(delivery, origin, this.clock.now());
    this.instrumentation.announce('begun', { deliveryId: delivery.id, source: origin.source, waited });
  }

  /** Call it once the outcome is durable. */
  settled({ delivery }: Work, outcome: Outcome): void {
    if (!this.instrumentation.hasSubscribers('settled')) return;
    const { id: deliveryId, dispatches, replays, receivedAt } = delivery;
    const now = this.clock.now();
    const age = Math.max(0, now - receivedAt);
    const { state, reason, nextIn } = settlementOf(outcome, now);
    this.instrumentation.announce('settled', { deliveryId, age, dispatches, replays, state, reason, nextIn });
  }
}

/** Returns the state that an outcome has led to. */
function settlementOf(outcome: Outcome, now: number): Pick<Settled, 'state' | 'reason' | 'nextIn'> {
  if (outcome.outcome === 'untouched') return settlement('returned');
  if (!('next' in outcome)) return settlement(outcome.outcome);
  const { next } = outcome;
  if (typeof next === 'object') return settlement('pending', undefined, Math.max(0, next.nextAttemptAt - now));
  if (next === 'completed' || next === 'erased') return settlement(next);
  return settlement(next, outcome.outcome === 'unreadable' ? 'unreadable' : 'handler');
}

function settlement(state: Settled['state'], reason?: Settled['reason'], nextIn?: number) {
  return { state, reason, nextIn };
}
