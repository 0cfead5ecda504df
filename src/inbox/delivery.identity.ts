import { hash } from 'node:crypto';
import type { VerificationPayload } from '../contract/verification.payload.js';

/**
 * Returns the key that allows one delivery per session and tenant. It is a hash, so the database's collation does not
 * matter.
 */
export function idempotencyKey(tenant: string, sessionId: string): string {
  return sha256(`${tenant}\0${sessionId}`);
}

/**
 * Returns the same hash for two bodies that say the same. Key order, `metadata` and undocumented fields do not count.
 */
export function fingerprint(payload: VerificationPayload): string {
  return sha256(canonicalJson({ ...payload, metadata: null }));
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
