import { uuidv7 } from 'uuidv7';
import type { VerificationPayload } from '../contract/verification.payload.js';
import type { Delivery } from './delivery.entity.js';
import type { DeliveryStateRow } from './delivery-state.entity.js';
import { fingerprint, idempotencyKey } from './delivery.identity.js';

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
export type ClaimedDelivery = Pick<Delivery, 'id' | 'tenant' | 'sessionId' | 'status' | 'rawBody' | 'receivedAt'> &
  Pick<DeliveryStateRow, 'attempts' | 'rescues' | 'replays' | 'onlyNamedHandlers'> & {
    /** False if the raw body is as it is stored, and may be sealed. */
    readonly isOpen: boolean;
  };

/** Delivery that is not recorded yet. */
export type NewDelivery = ClaimedDelivery &
  Pick<Delivery, 'idempotencyKey' | 'platformId' | 'externalReferenceId' | 'fingerprint'>;

export function newDelivery(
  tenant: string,
  payload: VerificationPayload,
  rawBody: string,
  receivedAt: number,
): NewDelivery {
  const { sessionId, status, platformId, externalReferenceId } = payload;
  return {
    id: uuidv7(),
    idempotencyKey: idempotencyKey(tenant, sessionId),
    tenant,
    sessionId,
    status,
    platformId,
    externalReferenceId,
    rawBody,
    fingerprint: fingerprint(payload),
    receivedAt,
    attempts: 1,
    rescues: 0,
    replays: 0,
    onlyNamedHandlers: 0,
    isOpen: true,
  };
}

/**
 * Returns the id of a claim: that of its worker, a number that the worker gives only once, and what tells the handlers of
 * the worker from those of other versions.
 */
export function claimId(worker: string, number: number, handlers?: string): string {
  const id = `${worker}:${number.toString(36)}`;
  return handlers ? `${id}:${handlers}` : id;
}

/** Returns what tells the handlers of the worker that has made a claim. */
export function handlersOf(claim: string): string | undefined {
  return claim.split(':')[2];
}

/** Returns the worker that has made a claim. */
export function workerOf(claim: string): string {
  return claim.split(':', 1)[0] ?? claim;
}
