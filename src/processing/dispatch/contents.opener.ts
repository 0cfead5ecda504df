import { Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import type { ClaimedDelivery } from '../../inbox/claimed-delivery.js';
import { PayloadCodec, type OpenedText } from '../../inbox/payload.codec.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';

/** Delay before the next try of a delivery that does not open. */
const RETRY_MS = 60_000;
const MAX_RETRY_MS = 3_600_000;
/** Attempts after which a delivery with broken contents is dead. One with a missing key waits for ever. */
const MAX_TRIES = 12;

/** Outcome of a delivery that could not be opened. */
export interface Unreadable {
  readonly outcome: 'unreadable';
  readonly next: { readonly nextAttemptAt: number; readonly countsDispatch: boolean } | 'dead' | 'erased';
}

export type Opened = ClaimedDelivery | Unreadable;

/** Opens claimed deliveries, one by one: one that does not open fails no other. */
@Injectable()
export class ContentsOpener {
  constructor(
    private readonly codec: PayloadCodec,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {}

  /**
   * Returns the delivery with its raw body open, or what becomes of it. A promise only where a key has to be waited
   * for: the handlers of the others begin within the time slice of the pool.
   */
  open(delivery: ClaimedDelivery): Opened | Promise<Opened> {
    const { id, tenant, rawBody } = delivery;
    const decoded = this.codec.decode(rawBody, { column: 'delivery.raw_body', row: id, tenant });
    return decoded instanceof Promise
      ? decoded.then((opened) => this.prepare(delivery, opened))
      : this.prepare(delivery, decoded);
  }

  private prepare(delivery: ClaimedDelivery, opened: OpenedText): Opened | Promise<Opened> {
    if (opened.contents !== 'readable') return this.unreadableOutcome(delivery, opened);
    const open = { ...delivery, rawBody: opened.text, isOpen: true };
    const preparing = this.codec.prepare(delivery.tenant);
    // Errors are sealed. Without a key they are not stored.
    return preparing
      ? preparing.then(
          () => open,
          () => open,
        )
      : open;
  }

  private unreadableOutcome(
    { id, dispatches }: ClaimedDelivery,
    opened: Exclude<OpenedText, { contents: 'readable' }>,
  ): Unreadable {
    const isMissing = opened.contents === 'key-missing';
    const isDead = !isMissing && opened.contents !== 'destroyed' && dispatches >= MAX_TRIES;
    const nextIn = isMissing ? RETRY_MS : Math.min(RETRY_MS * 2 ** (dispatches - 1), MAX_RETRY_MS);
    const keyId = opened.contents === 'key-missing' ? opened.keyId : '';
    this.instrumentation.announce('unreadable', { deliveryId: id, problem: opened.contents, keyId, isDead });
    if (opened.contents === 'destroyed') return { outcome: 'unreadable', next: 'erased' };
    const next = isDead ? 'dead' : { nextAttemptAt: this.clock.now() + nextIn, countsDispatch: !isMissing };
    return { outcome: 'unreadable', next };
  }
}
