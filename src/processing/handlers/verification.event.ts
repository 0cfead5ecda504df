import type { ExtractedDataValidator } from '../../contract/extracted-data.validator.js';
import { parseRawBody } from '../../contract/raw-body.js';
import type { VerificationPayload } from '../../contract/verification.payload.js';
import { parseInstant } from '../../contract/verification.payload.js';
import type { VerificationStatus } from '../../contract/verification-status.js';
import type { Delivery } from '../../inbox/delivery.entity.js';

type Data = Record<string, unknown>;
type Source = Pick<Delivery, 'id' | 'rawBody' | 'receivedAt'>;
type DataConverter = Pick<ExtractedDataValidator, 'toInstance'>;

/** What every event holds: the contract's fields, and where they come from. */
abstract class Verification<Status extends VerificationStatus, D extends object> {
  readonly status!: Status;
  /** The verification session: one event per session, unless an operator replays it. */
  readonly sessionId: string;
  readonly platformId: number;
  /** The partner's own reference, given when the session was created. */
  readonly externalReferenceId: string | null;
  /** Verified account data, an instance of the class declared for its platform, if one is. Numbers are JavaScript's: the stored body has all digits. */
  readonly extractedData: D | null;
  /** Opaque reference to the attestation. */
  readonly proofHash: string | null;
  readonly completedAt: Date | null;
  readonly metadata: Readonly<Data> | null;
  /** When the delivery was recorded, by the database's clock. */
  readonly receivedAt: Date;
  /** Finds the delivery again: `inbox.find(deliveryId)`. */
  readonly deliveryId: string;

  constructor({ id, rawBody, receivedAt }: Source, converter?: DataConverter) {
    const payload = parseRawBody(rawBody) as Partial<VerificationPayload<D>> &
      Pick<VerificationPayload, 'sessionId' | 'platformId'>;
    this.sessionId = payload.sessionId;
    this.platformId = payload.platformId;
    this.externalReferenceId = payload.externalReferenceId ?? null;
    const data = payload.extractedData ?? null;
    this.extractedData = data && converter ? converter.toInstance(payload.platformId, data) : data;
    this.proofHash = payload.proofHash ?? null;
    this.completedAt = typeof payload.completedAt === 'string' ? parseInstant(payload.completedAt) : null;
    this.metadata = payload.metadata ?? null;
    this.receivedAt = new Date(receivedAt);
    this.deliveryId = id;
  }
}

/**
 * Status `COMPLETED`: the account is verified.
 *
 * @publicApi
 */
export class VerificationCompleted<D extends object = Data> extends Verification<'COMPLETED', D> {
  static readonly eventName = 'cr3dentials.verification.completed';
  override readonly status = 'COMPLETED';
}

/**
 * Status `PARTIAL_COMPLETE`: part of the data could be verified.
 *
 * @publicApi
 */
export class VerificationPartiallyCompleted<D extends object = Data> extends Verification<'PARTIAL_COMPLETE', D> {
  static readonly eventName = 'cr3dentials.verification.partially-completed';
  override readonly status = 'PARTIAL_COMPLETE';
}

/**
 * Status `ERROR`: the session failed.
 *
 * @publicApi
 */
export class VerificationErrored<D extends object = Data> extends Verification<'ERROR', D> {
  static readonly eventName = 'cr3dentials.verification.errored';
  override readonly status = 'ERROR';
}

/**
 * Status `CANCELLED`: the user gave up.
 *
 * @publicApi
 */
export class VerificationCancelled<D extends object = Data> extends Verification<'CANCELLED', D> {
  static readonly eventName = 'cr3dentials.verification.cancelled';
  override readonly status = 'CANCELLED';
}

/**
 * Status `TERMINATED`: the session was ended from outside.
 *
 * @publicApi
 */
export class VerificationTerminated<D extends object = Data> extends Verification<'TERMINATED', D> {
  static readonly eventName = 'cr3dentials.verification.terminated';
  override readonly status = 'TERMINATED';
}

/**
 * Any of the five; tell them apart by `status` or `instanceof`.
 *
 * @publicApi
 */
export type VerificationEvent<D extends object = Data> =
  | VerificationCompleted<D>
  | VerificationPartiallyCompleted<D>
  | VerificationErrored<D>
  | VerificationCancelled<D>
  | VerificationTerminated<D>;

/** @publicApi */
export type VerificationEventClass =
  | typeof VerificationCompleted
  | typeof VerificationPartiallyCompleted
  | typeof VerificationErrored
  | typeof VerificationCancelled
  | typeof VerificationTerminated;

/** The event of each status. */
export const eventClasses = {
  COMPLETED: VerificationCompleted,
  PARTIAL_COMPLETE: VerificationPartiallyCompleted,
  ERROR: VerificationErrored,
  CANCELLED: VerificationCancelled,
  TERMINATED: VerificationTerminated,
} as const satisfies Record<VerificationStatus, VerificationEventClass>;

/**
 * @throws SyntaxError when the stored body is not JSON any more, and whatever a class of the host throws that had not
 *   thrown when the delivery was recorded
 */
export function verificationEvent(
  delivery: Source & Pick<Delivery, 'status'>,
  converter?: DataConverter,
): VerificationEvent {
  return Object.freeze(new eventClasses[delivery.status](delivery, converter));
}
