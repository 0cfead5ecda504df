import { hash } from 'node:crypto';
import { SAMPLE_SESSION_ID } from '../contract/documented-sample.js';
import type { VerificationPayload } from '../contract/verification.payload.js';

/**
 * Returns the key that allows one delivery per session and tenant. It is a hash, so the database's collation does not
 * matter.
 */
export function idempotencyKey(tenant: string, sessionId: string): string {
  return sha256(`${tenant}\0${sessionId}`);
}

/**
 * Returns the same hash for two bodies that say the same. Key order, `metadata` and undocumented fields do not count. Nor
 * does the time of the documented sample: each Test of the portal may send it with another, and is no conflict.
 */
export function fingerprint(payload: VerificationPayload): string {
  const completedAt = payload.sessionId === SAMPLE_SESSION_ID ? null : payload.completedAt;
  return sha256(canonicalJson({ ...payload, completedAt, metadata: null }));
}

export function sha256(text: string): string {
  return hash('sha256', text);
}

/** Returns JSON with sorted keys. The recursion is bounded: `JsonBodyGuard` refuses bodies deeper than 64 levels. */
function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  let members = '';
  for (const key of Object.keys(value).toSorted())
    members += `${members && ','}${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key])}`;
  return `{${members}}`;
}
