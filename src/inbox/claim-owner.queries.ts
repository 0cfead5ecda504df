import type { Dialect } from '../database/dialect/dialect.js';
import { anyOf, raw, sql, type Sql } from '../database/sql.js';
import { handlerFingerprintOf, workerOf, type ClaimKey, type Lease } from './claimed-delivery.js';

/** Most claims that have a condition each. SQLite takes 1 000 in one statement, PostgreSQL 32 000. */
const MAX_CONDITIONS = 100;

/** Returns the condition that the worker of a claim holds a delivery, by whichever claim. */
export function isOfWorker(claimId: string): Sql {
  return sql`claim_id LIKE ${`${workerOf(claimId)}:%`}`;
}

/** Returns the condition that a claim is of a worker with the same handlers, or of none that tells them. */
export function hasSameHandlers({ claimId }: Lease): Sql {
  const handlers = handlerFingerprintOf(claimId);
  return handlers ? sql`(${hasHandlerFingerprint(handlers)} OR NOT claim_id LIKE '%:%:%')` : raw('(1 = 1)');
}

/** Returns the condition that a claim has one of these handler sets. Others wait for the next rescue. */
export function isLookedUp(sets: ReadonlyMap<string, unknown>): Sql {
  return anyOf(
    [...sets.keys()].map((fingerprint) =>
      fingerprint ? hasHandlerFingerprint(fingerprint) : raw(`NOT claim_id LIKE '%:%:%'`),
    ),
  );
}

/** Returns the condition that a claim is of a worker with these handlers. */
export function hasHandlerFingerprint(handlers: string): Sql {
  return sql`claim_id LIKE ${`%:%:${handlers}`}`;
}

/** Returns the condition on deliveries that these claims have. */
export function isClaimedBy(claims: readonly ClaimKey[], { isOneOf }: Dialect): Sql {
  const byClaim = new Map<string, string[]>();
  for (const { id, claimId } of claims) {
    const ids = byClaim.get(claimId);
    if (ids) ids.push(id);
    else byClaim.set(claimId, [id]);
  }
  if (byClaim.size > MAX_CONDITIONS) {
    const ids = isOneOf(
      'delivery_id',
      claims.map(({ id }) => id),
    );
    const pairs = claims.map(({ id, claimId }) => `${claimId} ${id}`);
    return sql`${ids} AND ${isOneOf(`CONCAT(claim_id, ' ', delivery_id)`, pairs)} AND state = 'processing'`;
  }
  const held = [...byClaim].map(([claimId, ids]) => sql`claim_id = ${claimId} AND ${isOneOf('delivery_id', ids)}`);
  return sql`${anyOf(held)} AND state = 'processing'`;
}
