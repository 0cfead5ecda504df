import { IsNotEmpty, IsNumber, IsObject, IsString, ValidateBy, ValidateIf } from 'class-validator';
import { printOnly } from '../instrumentation/print-only.js';
import { parseInstant } from './iso-8601.js';
import type { VerificationStatus } from './verification-status.js';

/** Longest text that an index of every supported database holds, in characters. */
const MAX_REFERENCE_LENGTH = 512;

/**
 * Body of a delivery, as the provider documents it. A missing field is read as null. Only the first broken constraint
 * of a field is reported; the decorators are checked from the bottom up.
 *
 * @publicApi
 */
export class VerificationPayload<Data extends object = Record<string, unknown>> {
  /** Id of the verification session, up to 512 characters. One delivery is recorded per session and tenant. */
  @IsStorable()
  @IsNoLongerThan(MAX_REFERENCE_LENGTH)
  @IsNotEmpty()
  @IsString()
  sessionId!: string;

  /** Terminal status of the session. */
  @IsNotEmpty()
  @IsString()
  status!: VerificationStatus;

  /** Platform that the session verified against. */
  @IsNumber({ allowNaN: false, allowInfinity: false })
  platformId!: number;

  /** The partner's own reference, given when the session was created; up to 512 characters. */
  @IsNullOr()
  @IsStorable()
  @IsNoLongerThan(MAX_REFERENCE_LENGTH)
  @IsString()
  externalReferenceId!: string | null;

  /** Verified account data. Numbers are JavaScript's, so long ones may have lost digits. */
  @IsNullOr()
  @IsObject()
  extractedData!: Data | null;

  /** Opaque reference to the attestation. */
  @IsNullOr()
  @IsString()
  proofHash!: string | null;

  /** ISO 8601 date and time of the completion. A time without a zone is UTC. */
  @IsNullOr()
  @IsInstant()
  completedAt!: string | null;

  /** Data that accompanies the session. It does not count when a repeated delivery is compared with the first. */
  @IsNullOr()
  @IsObject()
  metadata!: Record<string, unknown> | null;
}

printOnly(VerificationPayload.prototype, ['sessionId']);

/** Documented fields. Every other field is kept in the stored body and ignored. */
export const payloadFields = [
  'sessionId',
  'status',
  'platformId',
  'externalReferenceId',
  'extractedData',
  'proofHash',
  'completedAt',
  'metadata',
] as const satisfies readonly (keyof VerificationPayload)[];

function IsNullOr(): PropertyDecorator {
  return ValidateIf((_, value) => value !== null);
}

function IsInstant(): PropertyDecorator {
  return ValidateBy({
    name: 'isInstant',
    validator: {
      validate: (value) => typeof value === 'string' && !Number.isNaN(parseInstant(value).getTime()),
      defaultMessage: () => '$property must be an ISO 8601 date and time',
    },
  });
}

/** Counts characters as the columns do. `MaxLength` of class-validator leaves some of them out. */
function IsNoLongerThan(most: number): PropertyDecorator {
  return ValidateBy({
    name: 'maxLength',
    validator: {
      validate: (value) => typeof value === 'string' && (value.length <= most || [...value].length <= most),
      defaultMessage: () => `$property must be shorter than or equal to ${most} characters`,
    },
  });
}

/**
 * Refuses U+0000 and lone surrogates. They fit no text column, and a lone surrogate would be hashed as another
 * character.
 */
function IsStorable(): PropertyDecorator {
  return ValidateBy({
    name: 'isStorable',
    validator: {
      validate: (value) => typeof value === 'string' && value.isWellFormed() && !value.includes('\0'),
      defaultMessage: () => '$property must be well-formed text without U+0000',
    },
  });
}
