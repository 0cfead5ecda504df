/**
 * Purpose of a statement of the inbox.
 *
 * `urgent`: leases, and what a probe asks. It waits for no other statement. On SQLite it runs in whichever transaction
 * is open, and is undone with it; no other worker can rescue while that transaction locks the file.
 * `receiving`: a sender waits for it.
 * `processing`: claims and outcomes.
 * `operating`: an operator reads.
 */
export type Lane = 'urgent' | 'receiving' | 'processing' | 'operating';

/** Longest time that a statement may take, in milliseconds. Its connection is then ended. */
export type StatementTimeouts = Readonly<Record<Lane, number>>;

/** Shortest time that a statement gets, however short the lease is. */
const MIN_TIMEOUT_MS = 5_000;
/** Time that an operator waits for an answer. */
const OPERATING_TIMEOUT_MS = 30_000;

/**
 * @param ackTimeout milliseconds until a sender is answered 503
 * @param lease milliseconds until a lease expires
 */
export function statementTimeouts(ackTimeout: number, lease: number): StatementTimeouts {
  return {
    receiving: ackTimeout,
    urgent: Math.max(MIN_TIMEOUT_MS, lease / 6),
    processing: Math.max(MIN_TIMEOUT_MS, lease / 3),
    operating: OPERATING_TIMEOUT_MS,
  };
}
