import type { ExtractedDataValidator } from '../../contract/extracted-data.validator.js';
import { parseRawBody } from '../../contract/raw-body.js';
import type { VerificationPayload } from '../../contract/verification.payload.js';
import { parseInstant } from '../../contract/iso-8601.js';
import type { VerificationStatus } from '../../contract/verification-status.js';
import type { Delivery } from '../../inbox/delivery.entity.js';
import { printOnly } from '../../instrumentation/print-only.js';

type Data = Record<string, unknown>;
type Source = Pick<Delivery, 'id' | 'tenant' | 'rawBody' | 'receivedAt'>;
type DataConverter = Pick<ExtractedDataValidator, 'toInstance'>;
type Payload<D extends object = Data> = Partial<VerificationPayload<D>> &
  Pick<VerificationPayload, 'sessionId' | 'platformId'>;

/** Fields that all events have: those of the payload, and those of its delivery. */
abstract class Verification<Status extends VerificationStatus, D extends object> {
  /** Status of the session. It discriminates the union `VerificationEvent`. */
  readonly status!: Status;
  /** The verification session. There is one event per session, unless an operator replays it. */
  readonly sessionId: string;
  /** The platform that the session verified against. */
  readonly platformId: number;
  /** The partner's own reference, given when the session was created; null without one. */
  readonly externalReferenceId: string | null;
  /**
   * Verified account data; null without any. It is an instance of the class that is declared for its platform, if there
   * is one. Its numbers are JavaScript numbers; the raw body has all digits.
   */
  readonly extractedData: D | null;
  /** Opaque reference to the attestation; null without one. */
  readonly proofHash: string | null;
  /** Time when the session completed, as the provider sent it; null without one. */
  readonly completedAt: Date | null;
  /** Metadata of the session, as the provider sent it; null without any. */
  readonly metadata: Readonly<Data> | null;
  /** Time when the delivery was recorded, by the database's clock. */
  readonly receivedAt: Date;
  /** Id of the delivery. `inbox.find(deliveryId)` returns it. */
  readonly deliveryId: string;
  /** Tenant that `auth.resolveSecrets` returned for the request; empty without tenants. */
  readonly tenant: string;

  /**
   * @param parsed what the raw body has
   * @param extractedData its data as handlers get it
   */
  constructor(
    { id, tenant, rawBody, receivedAt }: Source,
    parsed: unknown = parseRawBody(rawBody),
    extractedData: object | null | undefined = (parsed as Payload<D>).extractedData,
  ) {
    const payload = parsed as Payload<D>;
    this.sessionId = payload.sessionId;
    this.platformId = payload.platformId;
    this.externalReferenceId = payload.externalReferenceId ?? null;
    this.extractedData = (extractedData as D | undefined) ?? null;
    this.proofHash = payload.proofHash ?? null;
    this.completedAt = typeof payload.completedAt === 'string' ? parseInstant(payload.completedAt) : null;
    this.metadata = payload.metadata ?? null;
    this.receivedAt = new Date(receivedAt);
    this.deliveryId = id;
    this.tenant = tenant;
  }
}

printOnly(Verification.prototype, ['deliveryId', 'sessionId']);

/**
 * Event of a session with the status `COMPLETED`: the account is verified.
 *
 * @publicApi
 */
export class VerificationCompleted<D extends object = Data> extends Verification<'COMPLETED', D> {
  /** Name of the event for `@OnEvent()` of `@nestjs/event-emitter`. */
  static readonly eventName = 'cr3dentials.verification.completed';
  /** Status of the session. It discriminates the union `VerificationEvent`. */
  override readonly status = 'COMPLETED';
}

/**
 * Event of a session with the status `PARTIAL_COMPLETE`: part of the data is verified.
 *
 * @publicApi
 */
export class VerificationPartiallyCompleted<D extends object = Data> extends Verification<'PARTIAL_COMPLETE', D> {
  /** Name of the event for `@OnEvent()` of `@nestjs/event-emitter`. */
  static readonly eventName = 'cr3dentials.verification.partially-completed';
  /** Status of the session. It discriminates the union `VerificationEvent`. */
  override readonly status = 'PARTIAL_COMPLETE';
}

/**
 * Event of a session with the status `ERROR`: the session failed.
 *
 * @publicApi
 */
export class VerificationErrored<D extends object = Data> extends Verification<'ERROR', D> {
  /** Name of the event for `@OnEvent()` of `@nestjs/event-emitter`. */
  static readonly eventName = 'cr3dentials.verification.errored';
  /** Status of the session. It discriminates the union `VerificationEvent`. */
  override readonly status = 'ERROR';
}

/**
 * Event of a session with the status `CANCELLED`: the user cancelled the session.
 *
 * @publicApi
 */
export class VerificationCancelled<D extends object = Data> extends Verification<'CANCELLED', D> {
  /** Name of the event for `@OnEvent()` of `@nestjs/event-emitter`. */
  static readonly eventName = 'cr3dentials.verification.cancelled';
  /** Status of the session. It discriminates the union `VerificationEvent`. */
  override readonly status = 'CANCELLED';
}

/**
 * Event of a session with the status `TERMINATED`: the session was ended from outside.
 *
 * @publicApi
 */
export class VerificationTerminated<D extends object = Data> extends Verification<'TERMINATED', D> {
  /** Name of the event for `@OnEvent()` of `@nestjs/event-emitter`. */
  static readonly eventName = 'cr3dentials.verification.terminated';
  /** Status of the session. It discriminates the union `VerificationEvent`. */
  override readonly status = 'TERMINATED';
}

/**
 * Any of the five events. `status` and `instanceof` tell them apart.
 *
 * @publicApi
 */
export type VerificationEvent<D extends object = Data> =
  | VerificationCompleted<D>
  | VerificationPartiallyCompleted<D>
  | VerificationErrored<D>
  | VerificationCancelled<D>
  | VerificationTerminated<D>;

/**
 * Class of an event, as `@OnVerification()` accepts it.
 *
 * @publicApi
 */
export type VerificationEventClass =
  | typeof VerificationCompleted
  | typeof VerificationPartiallyCompleted
  | typeof VerificationErrored
  | typeof VerificationCancelled
  | typeof VerificationTerminated;

/** Class of the event of each status. */
export const eventClasses = {
  COMPLETED: VerificationCompleted,
  PARTIAL_COMPLETE: VerificationPartiallyCompleted,
  ERROR: VerificationErrored,
  CANCELLED: VerificationCancelled,
  TERMINATED: VerificationTerminated,
} as const satisfies Record<VerificationStatus, VerificationEventClass>;

/**
 * Returns a function that makes the events of a delivery, one for each handler. Plain data is frozen, so that the
 * events can share it. An instance of a class of the host is not frozen: each event has its own.
 */
export function verificationEvents(
  delivery: Source & Pick<Delivery, 'status'>,
  converter?: DataConverter,
): () => VerificationEvent {
  let shared: Payload | undefined;
  return () => {
    const parsed = shared ?? (parseRawBody(delivery.rawBody) as Payload);
    const data = parsed.extractedData ?? null;
    const extractedData = data && converter ? converter.toInstance(parsed.platformId, data) : data;
    if (extractedData === data) shared ??= freezeDeep(parsed);
    else freezeDeep(parsed.metadata);
    return new eventClasses[delivery.status](delivery, parsed, extractedData);
  };
}

/**
 * Returns a copy whose fields cannot be assigned, for those who share it. It stays extensible: an event bus may note
 * something on it. Making the fields anew takes a quarter of the time that changing them does.
 */
export function withReadonlyFields<E extends object>(event: E): E {
  const copy = Object.create(Object.getPrototypeOf(event) as object) as E;
  for (const [field, value] of Object.entries(event)) Object.defineProperty(copy, field, { value, enumerable: true });
  return copy;
}

/** Freezes what was parsed from JSON. Takes no stack, however deep it is. */
function freezeDeep<T>(value: T): T {
  const waiting: unknown[] = [value];
  for (const one of waiting) {
    if (one === null || typeof one !== 'object') continue;
    Object.freeze(one);
    for (const key in one) {
      const member = (one as Data)[key];
      if (typeof member === 'object') waiting.push(member);
    }
  }
  return value;
}
