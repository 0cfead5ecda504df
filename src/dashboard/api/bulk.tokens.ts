import type { BulkPreviewRequest } from './contract/bulk.js';

const GOOD_FOR_MS = 600_000;

/** What was previewed. */
export interface Previewed extends BulkPreviewRequest {
  readonly asOf: number;
}

/**
 * Returns a text for what was previewed, good for 10 minutes on every instance. It gives no right to anything: what
 * comes back is checked as a new request is, and the number is counted again.
 */
export function toBulkToken(previewed: Previewed, now: number): { token: string; expiresAt: number } {
  const expiresAt = now + GOOD_FOR_MS;
  return { token: Buffer.from(JSON.stringify({ ...previewed, expiresAt })).toString('base64url'), expiresAt };
}

/** Returns the fields of a token, which are to be checked; undefined if it is none, or too old. */
export function fromBulkToken(token: string, now: number): Readonly<Record<string, unknown>> | undefined {
  const { expiresAt, ...previewed } = Object(parsed(token)) as Record<string, unknown>;
  return typeof expiresAt === 'number' && expiresAt > now && expiresAt <= now + GOOD_FOR_MS ? previewed : undefined;
}

function parsed(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return undefined;
  }
}
