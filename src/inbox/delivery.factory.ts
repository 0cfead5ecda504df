import { uuidv7 } from 'uuidv7';
import type { VerificationPayload } from '../contract/verification.payload.js';
import type { Delivery } from './delivery.entity.js';
import { fingerprint, idempotencyKey } from './delivery.identity.js';

/** Time-limited right of one worker to process a delivery. */
export interface Lease {
  readonly owner: string;
  /** Epoch milliseconds of the database's clock. */
  readonly expiresAt: number;
}

/** Fields of a claimed delivery that a worker needs. */
export type ClaimedDelivery = Pick<
  Delivery,
  | 'id'
  | 'tenant'
  | 'sessionId'
  | 'status'
  | 'rawBody'
  | 'attempts'
  | 'rescues'
  | 'replays'
  | 'onlyNamedHandlers'
  | 'receivedAt'
>;

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
  };
}
