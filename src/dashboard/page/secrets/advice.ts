import type { SecretListing } from '../../api/contract.js';
import { relative } from '../time/format.js';
import { words } from '../words/index.js';

type SecretRow = SecretListing['items'][number];

const HOUR_MS = 3_600_000;
const UNUSED_MS = 30 * 24 * HOUR_MS;
const text = words.secrets;

/** Returns what to do about a secret; null if nothing. */
export function adviceOn({ lastExpiredUseAt, lastUsedAt, firstUsedAt }: SecretRow, now: number): string | null {
  if (lastExpiredUseAt !== null && now - lastExpiredUseAt < 24 * HOUR_MS)
    return text.expiredUse(relative(lastExpiredUseAt, now));
  if (lastUsedAt === null && firstUsedAt === null) return text.neverUsed;
  if (lastUsedAt !== null && now - lastUsedAt > UNUSED_MS) return text.unused;
  return null;
}

/** Returns what the secrets of a tenant say together: two in use are a rotation that is not finished. */
export function notesOn(rows: readonly SecretRow[], now: number): string[] {
  const recent = rows.filter(({ lastUsedAt }) => lastUsedAt !== null && now - lastUsedAt < HOUR_MS);
  const tenants = [...new Set(recent.map(({ tenant }) => tenant))];
  return tenants
    .map((tenant) => recent.filter((row) => row.tenant === tenant).map(({ id }) => id))
    .filter((secrets) => secrets.length > 1)
    .map((secrets) => text.rotation(secrets.join(', ')));
}
