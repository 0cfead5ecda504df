import { randomUUID } from 'node:crypto';
import type { VerificationPayload } from '../contract/verification.payload.js';
import type { VerificationStatus } from '../contract/verification-status.js';
import { extractedDataOf, platformCount } from './platform-data.js';
import { SeededRandom } from './seeded-random.js';

/**
 * What a payload is to be; any field of the contract stands as it is given.
 *
 * @publicApi
 */
export interface PayloadOverrides extends Partial<VerificationPayload> {
  /** The same seed gives the same payload. @default one of its own for every call */
  seed?: string | number;
}

/**
 * A payload that keeps the contract, for any status: what a status has no use for is null, and `PARTIAL_COMPLETE` has a
 * part of the data. The shape of `extractedData` depends on `platformId`, which is one of 1 to 6 unless it is given.
 *
 * The seed determines the session whatever else is overridden: the same seed with another status conflicts.
 *
 * @publicApi
 */
export function verificationPayload({
  seed = randomUUID(),
  status = 'COMPLETED',
  platformId: givenPlatform,
  ...fields
}: PayloadOverrides = {}): VerificationPayload {
  const random = new SeededRandom(seed);
  const sessionId = random.uuid();
  const externalReferenceId = `user_${random.hex(12)}`;
  const drawnPlatform = random.whole(1, platformCount);
  const completedAt = random.date().toISOString();
  const proofHash = random.hex(64);
  const metadata = { device: random.pick(['desktop', 'mobile']), locale: random.pick(['en-US', 'de-DE', 'ja-JP']) };
  const platformId = givenPlatform ?? drawnPlatform;
  const data = extractedDataOf(platformId, random);
  return {
    sessionId,
    status,
    platformId,
    externalReferenceId,
    ...outcomeOf(status, { extractedData: data, proofHash, completedAt }),
    metadata,
    ...fields,
  };
}

type Outcome = Pick<VerificationPayload, 'extractedData' | 'proofHash' | 'completedAt'>;

function outcomeOf(status: VerificationStatus, complete: Outcome): Outcome {
  switch (status) {
    case 'COMPLETED':
      return complete;
    case 'PARTIAL_COMPLETE':
      return { ...complete, extractedData: firstHalf(complete.extractedData ?? {}) };
    case 'ERROR':
    case 'CANCELLED':
    case 'TERMINATED':
      return { extractedData: null, proofHash: null, completedAt: null };
    default:
      status satisfies never;
      return complete;
  }
}

function firstHalf(data: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(data);
  return Object.fromEntries(entries.slice(0, Math.ceil(entries.length / 2)));
}
