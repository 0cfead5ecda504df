import { randomUUID } from 'node:crypto';
import type { VerificationPayload } from '../contract/verification.payload.js';
import type { VerificationStatus } from '../contract/verification-status.js';
import { extractedDataOf } from './platform-data.js';
import { SeededRandom } from './seeded-random.js';

/**
 * Fields that replace those of the generated payload.
 *
 * @publicApi
 */
export interface PayloadOverrides extends Partial<VerificationPayload> {
  /** Seed of the payload. The same seed gives the same payload. @default a new seed for each call */
  seed?: string | number;
}

/**
 * Returns a payload that fits the contract, for any status. `PARTIAL_COMPLETE` has a part of the data. `ERROR`,
 * `CANCELLED` and `TERMINATED` have null in place of the data. The shape of `extractedData` depends on `platformId`,
 * which is 1, a bank account, unless it is given.
 *
 * The seed alone determines a generated session id. So the same seed with another status gives a conflict.
 *
 * @publicApi
 */
export function verificationPayload({
  seed = randomUUID(),
  status = 'COMPLETED',
  platformId = 1,
  ...fields
}: PayloadOverrides = {}): VerificationPayload {
  const random = new SeededRandom(seed);
  const sessionId = random.uuid();
  const externalReferenceId = `user_${random.hex(12)}`;
  const completedAt = random.date().toISOString();
  const proofHash = random.hex(64);
  const metadata = { device: random.pick(['desktop', 'mobile']), locale: random.pick(['en-US', 'de-DE', 'ja-JP']) };
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
