import type { VerificationPayload } from '../contract/verification.payload.js';
import type { Delivery } from './delivery.entity.js';
import type { DeliveryStateRow } from './delivery-state.entity.js';
import { fingerprint, idempotencyKey } from './delivery.identity.js';
import { newId } from '../new-id.js';

/** Time-limited right of one worker to process deliveries. */
export interface Lease {
  /** Names the worker and this claim of it, as `claimId()` makes it. */
  readonly claimId: string;
  /** Epoch milliseconds of the database's clock. */
  readonly expiresAt: number;
}

/** One claim of one delivery. A later claim of the same delivery has another `claimId`, in the same process too. */
export interface ClaimKey {
  readonly id: string;
  readonly claimId: string;
}

/** Fields of a claimed delivery that a worker needs. */
export type ClaimedDelivery = Pick<
  Delivery,
  'id' | 'tenant' | 'sessionId' | 'status' | 'rawBody' | 'receivedAt' | 'traceContext'
> &
  Pick<DeliveryStateRow, 'dispatches' | 'rescues' | 'replays' | 'onlyNamedHandlers' | 'replayTraceContext'> & {
    /** False if the raw body is as it is stored, and may be sealed. */
    readonly isOpen: boolean;
    /** Handlers that it has to reach. Those without a saved run have not completed. */
    readonly expectedHandlers: readonly string[];
  };

/** Delivery that is not recorded yet. */
export type NewDelivery = ClaimedDelivery &
  Pick<Delivery, 'idempotencyKey' | 'platformId' | 'externalReferenceId' | 'fingerprint'>;

export function newDelivery(
  tenant: string,
  payload: VerificationPayload,
  rawBody: string,
  receivedAt: number,
  traceContext: string | null = null,
): NewDelivery {
  const { sessionId, status, platformId, externalReferenceId } = payload;
  return {
    id: newId(),
    idempotencyKey: idempotencyKey(tenant, sessionId),
    tenant,
    sessionId,
    status,
    platformId,
    externalReferenceId,
    rawBody,
    fingerprint: fingerprint(payload),
    receivedAt,
    traceContext,
    dispatches: 1,
    rescues: 0,
    replays: 0,
    onlyNamedHandlers: 0,
    replayTraceContext: null,
    expectedHandlers: [],
    isOpen: true,
  };
}

/**
 * Returns the id of a claim: that of its worker, a number that the worker gives only once, and what tells the handlers
 * of the worker from those of other versions.
 */
export function claimId(worker: string, number: number, handlers?: string): string {
  const id = `${worker}:${number.toString(36)}`;
  return handlers ? `${id}:${handlers}` : id;
}

/** Returns the fingerprint of the handlers of the worker that has made a claim. */
export function handlerFingerprintOf(claim: string): string | undefined {
  return claim.split(':')[2];
}

/** Returns the worker that has made a claim. */
export function workerOf(claim: string): string {
  return claim.split(':', 1)[0] ?? claim;
}

/** Tells whether a lease has expired more than once in a row: what it was for may be what crashes workers. */
export function isPoisonSuspect(rescues: number): boolean {
  return rescues > 1;
}
