/**
 * Numbers of the inbox, the same on every instance. They cost a look into small indexes, however many deliveries have
 * completed.
 *
 * @publicApi
 */
export interface InboxGauges {
  /** Deliveries that wait for a worker, or for their next attempt. */
  readonly pending: number;
  /** Deliveries that a worker has. */
  readonly processing: number;
  /** Deliveries that an operator has to decide on. */
  readonly dead: number;
  /** Deliveries without a handler. */
  readonly unhandled: number;
  /** Deliveries that an operator has discarded. */
  readonly discarded: number;
  /** Milliseconds that the oldest due delivery has waited; 0 if none is due. One with an expired lease is due. */
  readonly oldestDue: number;
  /** Rejections that nobody has decided on, by reason: 10 000 are counted at most. */
  readonly openRejections: Readonly<Record<string, number>>;
}
