import { parseRawBody } from '../contract/raw-body.js';
import { sha256 } from './delivery.identity.js';
import type { PayloadCodec } from './payload.codec.js';

/** Whom a body is about. */
export interface Subject {
  readonly sessionId: string | null;
  readonly externalReferenceId: string | null;
}

/** Returns whom a body is about, whatever is wrong with it otherwise. */
export function dataSubjectOf(rawBody: string): Subject {
  const { sessionId, externalReferenceId } = Object(parsed(rawBody)) as Partial<Record<keyof Subject, unknown>>;
  return { sessionId: textOrNull(sessionId), externalReferenceId: textOrNull(externalReferenceId) };
}

/** Returns what a rejection with this reference is found by: a keyed hash in a sealed row. */
export function rejectionReferenceKey(codec: PayloadCodec, tenant: string, reference: string): string {
  const keyed = codec.currentKeyId(tenant) === null ? undefined : codec.keyedHash(tenant, 'reference', reference);
  return keyed ?? plainReferenceKey(tenant, reference);
}

/** Returns what a plain rejection with this reference is found by. */
export function plainReferenceKey(tenant: string, reference: string): string {
  return sha256(['reference', tenant, reference].join('\0'));
}

function parsed(rawBody: string): unknown {
  try {
    return parseRawBody(rawBody);
  } catch {
    return undefined; // empty, or only a byte order mark
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
