import { IsNotEmpty, IsNumber, IsObject, IsString, ValidateBy, ValidateIf, isISO8601 } from 'class-validator';
import type { VerificationStatus } from './verification-status.js';

/** Longest that an index of every supported database holds, in characters. */
const MAX_REFERENCE_LENGTH = 512;

/**
 * The body of a delivery, as the provider documents it. A field left out is read as null. Of each field the first broken
 * constraint is answered, from the bottom up.
 *
 * @publicApi
 */
export class VerificationPayload<Data extends object = Record<string, unknown>> {
  @IsStorable()
  @IsNoLongerThan(MAX_REFERENCE_LENGTH)
  @IsNotEmpty()
  @IsString()
  sessionId!: string;

  @IsNotEmpty()
  @IsString()
  status!: VerificationStatus;

  @IsNumber({ allowNaN: false, allowInfinity: false })
  platformId!: number;

  @IsNullOr()
  @IsStorable()
  @IsNoLongerThan(MAX_REFERENCE_LENGTH)
  @IsString()
  externalReferenceId!: string | null;

  @IsNullOr()
  @IsObject()
  extractedData!: Data | null;

  @IsNullOr()
  @IsString()
  proofHash!: string | null;

  @IsNullOr()
  @IsInstant()
  completedAt!: string | null;

  @IsNullOr()
  @IsObject()
  metadata!: Record<string, unknown> | null;
}

/** The documented fields; every other one is kept in the stored body and ignored. */
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

/**
 * JavaScript reads fewer forms of ISO 8601 than there are, and a time without a zone in the zone this server happens
 * to be in: here that is UTC.
 */
export function parseInstant(text: string): Date {
  const [date, time] = text.toUpperCase().split(/[T ]/);
  if (time === undefined) return new Date(text);
  const zoned = /[Z+-]/.test(time) ? time.replace(/([+-]\d\d)$/, '$1:00') : `${time}Z`;
  return new Date(`${date}T${zoned}`);
}

function IsNullOr(): PropertyDecorator {
  return ValidateIf((_, value) => value !== null);
}

function IsInstant(): PropertyDecorator {
  return ValidateBy({
    name: 'isInstant',
    validator: {
      validate: (value) => isISO8601(value, { strict: true }) && !Number.isNaN(parseInstant(value as string).getTime()),
      defaultMessage: () => '$property must be an ISO 8601 date and time',
    },
  });
}

/** Counted in characters as the columns do: class-validator's own leaves some of them out. */
function IsNoLongerThan(most: number): PropertyDecorator {
  return ValidateBy({
    name: 'maxLength',
    validator: {
      validate: (value) => typeof value === 'string' && (value.length <= most || [...value].length <= most),
      defaultMessage: () => `$property must be shorter than or equal to ${most} characters`,
    },
  });
}

/** U+0000 and lone surrogates fit no text column, and a lone surrogate would be hashed as another character. */
function IsStorable(): PropertyDecorator {
  return ValidateBy({
    name: 'isStorable',
    validator: {
      validate: (value) => typeof value === 'string' && value.isWellFormed() && !value.includes('\0'),
      defaultMessage: () => '$property must be well-formed text without U+0000',
    },
  });
}
