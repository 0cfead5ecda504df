/**
 * Header that every request but a GET must have, with the value `1`. No form of another site can send it.
 *
 * @publicApi
 */
export const REQUEST_HEADER = 'x-inbox-request';

/**
 * What an operator may do. `look` is to see everything but values of payloads; `decide` is to accept or discard
 * rejections.
 *
 * @publicApi
 */
export type Permission = 'look' | 'reveal' | 'replay' | 'discard' | 'decide' | 'bulk';

/**
 * Reason for the state of a delivery.
 *
 * @publicApi
 */
export type DeliveryReason = 'handler' | 'crash-loop' | 'unreadable' | 'shredded';

/**
 * Answer with rows, and how far they were looked for.
 *
 * @publicApi
 */
export interface Page<T> {
  /** Epoch milliseconds of the database's clock, as all times are. Ages are computed against it. */
  now: number;
  /** Rows. */
  items: T[];
  /** Pass it as `cursor`, with the same filter, for what follows. Null at the end. */
  next: string | null;
  /** How far was looked. */
  searched: Searched;
}

/**
 * What a search has looked at. Without items, there may be some further on unless `isEnd`.
 *
 * @publicApi
 */
export interface Searched {
  /** Number of rows that were looked at. To an operator of some tenants, that of the rows that are shown. */
  rows: number;
  /** Time of the last of them, by which the list is sorted; null without one. */
  backTo: number | null;
  /** True if nothing is left to look at. */
  isEnd: boolean;
}

/**
 * Link of the host.
 *
 * @publicApi
 */
export interface Link {
  /** Text of the link. */
  label: string;
  /** Address: `https:`, `http:` or relative. */
  href: string;
}

/**
 * Code of a refused request, stable across versions.
 *
 * @publicApi
 */
export type ErrorCode =
  | 'FILTER_INVALID'
  | 'CURSOR_INVALID'
  | 'BODY_INVALID'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'FOREIGN_ORIGIN'
  | 'NOT_FOUND'
  | 'BUSY'
  | 'COMPLETED'
  | 'DECIDED'
  | 'PURGED'
  | 'ERASED'
  | 'REJECTED'
  | 'UNEXPECTED_DATA'
  | 'UNREADABLE'
  | 'PREVIEW_EXPIRED'
  | 'PREVIEW_OUTDATED'
  | 'TOO_MANY_REQUESTS'
  | 'INBOX_BUSY'
  | 'INBOX_UNAVAILABLE'
  | 'INBOX_FAILED';

/**
 * Answer to a refused request. A guard of the host that refuses answers in its own way.
 *
 * @publicApi
 */
export interface ErrorAnswer {
  /** Code to match on. */
  code: ErrorCode;
  /** One sentence or two, the remedy last. */
  message: string;
}

/**
 * Answer 409: the row is not as the request takes it to be.
 *
 * @publicApi
 */
export interface ConflictAnswer<T> extends ErrorAnswer {
  /** Time of the answer. */
  now: number;
  /** The row as it is now. */
  row: T;
}

/**
 * Answer of `GET api/session`.
 *
 * @publicApi
 */
export interface Session {
  /** Time of the answer. */
  now: number;
  /** Who is signed in. */
  operator: {
    /** Id, as the record of actions has it. */
    id: string;
    /** Name to show; null without one. */
    name: string | null;
  };
  /** What the operator may do, in the order of `Permission`. */
  permissions: Permission[];
  /** Tenants to which the operator is restricted; null without a restriction. */
  tenants: string[] | null;
  /** Name of the page. */
  title: string;
  /** Badge such as `production`; null without one. */
  environment: string | null;
  /** Shortest time between two polls, in milliseconds. */
  refresh: number;
  /** Rows of a page, and the most that may be asked for. */
  limits: {
    /** Rows of a page. */
    page: number;
    /** Most rows of a page. */
    maxPage: number;
  };
  /** Milliseconds for which contents are shown, and the length of a reason. */
  reveal: {
    /** Milliseconds. */
    hideAfter: number;
    /** Fewest characters of a reason. */
    minReason: number;
    /** Most characters of a reason. */
    maxReason: number;
  };
  /** Deliveries a second by default and at most; share of dead again at which an operation pauses. */
  bulk: {
    /** Deliveries a second by default. */
    rate: number;
    /** Most deliveries a second. */
    maxRate: number;
    /** Share of dead again at which an operation pauses. */
    pauseAt: number;
  };
  /** Ids of the handlers of live instances. */
  handlers: string[];
  /** True in a sealed inbox: `error` cannot be searched for there. */
  isSealed: boolean;
  /** True if references and session ids are hidden in lists. */
  areReferencesMasked: boolean;
  /** True if the page signs in with a token of its own, so that a 401 leads to the field for it. */
  signsInWithToken: boolean;
  /** What the provider is told of the webhook. */
  webhook: {
    /** Paths of its routes, with the prefixes of the app; none if the answering instance has no route. */
    paths: string[];
    /** Name of the header that carries the secret. */
    header: string;
  };
}
