/**
 * What an operator did.
 *
 * @publicApi
 */
export interface ActionRow {
  /** UUIDv7. */
  id: string;
  /** Time of the act. */
  at: number;
  /** Null if the code that acted gave none. */
  operator: string | null;
  /** `page`, `cli` or `code`. */
  source: string;
  /** Such as `replay`, `discard`, `reveal`. */
  action: string;
  /** Id of the delivery, rejection or bulk operation. */
  targetId: string;
  /** Tenant of the target; empty without one. */
  tenant: string;
  /** Handlers that a replay named; null if it named none. */
  handlers: readonly string[] | null;
  /** Reason that was given; null without one. */
  reason: string | null;
  /** Bulk operation that it was a part of; null if it was none. */
  bulkId: string | null;
}

/**
 * Query of `GET api/actions`.
 *
 * @publicApi
 */
export interface ActionQuery {
  /** Exactly this operator. */
  operator?: string;
  /** Only this act. */
  action?: string;
  /** Id of a delivery, rejection or bulk operation. */
  target?: string;
  /** Acts at this time or later. With `to`. */
  from?: number;
  /** Acts before this time. With `from`. */
  to?: number;
  /** False leaves out the deliveries of bulk operations. @default true */
  bulk?: boolean;
  /** `next` of the page before, with the same conditions. */
  cursor?: string;
  /** Most rows. @default the option `limits.page` */
  limit?: number;
}
