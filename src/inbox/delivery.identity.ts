import { hash } from 'node:crypto';
import { SAMPLE_SESSION_ID } from '../contract/documented-sample.js';
import type { VerificationPayload } from '../contract/verification.payload.js';

/** Ids begin with the time of the host's clock; times in rows are of the database's. */
export const MAX_CLOCK_DIFFERENCE_MS = 3_600_000;

/** The same, of a search: small, as a page is to answer at once. */
export const SEARCH_CLOCK_MARGIN_MS = 300_000;

/**
 * Returns the key that allows one delivery per session and tenant. It is a hash, so the database's collation does not
 * matter.
 */
export function idempotencyKey(tenant: string, sessionId: string): string {
  return sha256(`${tenant}\0${sessionId}`);
}

/**
 * Returns the same hash for two bodies that say the same. Key order, `metadata` and undocumented fields do not count.
 * Nor does the time of the documented sample: each Test of the portal may send it with another, and is no conflict.
 */
export function fingerprint(payload: VerificationPayload): string {
  const { sessionId, status, platformId, externalReferenceId, proofHash } = payload;
  const completedAt = sessionId === SAMPLE_SESSION_ID ? null : payload.completedAt;
  const extractedData = withSortedKeys(payload.extractedData);
  const content = { externalReferenceId, extractedData, metadata: null, platformId, proofHash, sessionId, status };
  return sha256(JSON.stringify({ completedAt, ...content })); // sorted as well
}

/** Returns the lowest UUIDv7 of a time in epoch milliseconds. */
export function lowestIdAt(milliseconds: number): string {
  const time = Math.min(Math.max(0, Math.floor(milliseconds)), 2 ** 48 - 1);
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

export function sha256(text: string): string {
  return hash('sha256', text);
}

/** The recursion is bounded: `JsonBodyGuard` refuses bodies deeper than 64 levels, and keys that reach a prototype. */
function withSortedKeys(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withSortedKeys);
  const sorted: Record<string, unknown> = {};
  for (const key of Object.keys(value).toSorted())
    sorted[key] = withSortedKeys((value as Record<string, unknown>)[key]);
  return sorted;
}
