import type { DataSource } from 'typeorm';

const CHUNK_ROWS = 250_000;

/** All but the completed ones, said so that an index finds each: they are counted while time is taken. */
export const UNFINISHED = `next_attempt_at IS NOT NULL OR lease_expires_at IS NOT NULL OR state IN ('dead', 'unhandled', 'discarded', 'erased')`;

/** A body of about 400 bytes for session `s`, as the expression of a query. */
export const PAYLOAD = `json_build_object(
  'sessionId', s, 'status', 'COMPLETED', 'platformId', 1, 'externalReferenceId', 'user_' || n,
  'extractedData', json_build_object('accountHolder', 'John Doe', 'accountType', 'checking', 'iban', md5(s), 'note', md5(s || 'note')),
  'proofHash', encode(sha256(convert_to(s, 'UTF8')), 'hex'), 'completedAt', '2025-03-24T12:05:00.000Z', 'metadata', json_build_object()
)`;

/** Rows `n` from one number to another, each with a session `s`. */
export function sessions(from: number, to: number): string {
  return `(SELECT n, md5('session ' || n)::uuid::text AS s FROM generate_series(${from}, ${to}) AS n) AS sessions`;
}

/**
 * Puts deliveries into our inbox as if they had been received one after the other, one in each millisecond. PostgreSQL only.
 *
 * @param from number of the first; no number twice in one database
 * @param until time when the last one was received, in epoch milliseconds
 */
export async function insertDeliveries(
  database: DataSource,
  state: 'pending' | 'completed',
  count: number,
  { from = 1, until = Date.now() } = {},
): Promise<void> {
  const [due, finished] = state === 'pending' ? ['received', 'NULL'] : ['NULL', 'received + 10'];
  for (let first = from; first < from + count; first += CHUNK_ROWS) {
    const last = Math.min(first + CHUNK_ROWS, from + count) - 1;
    const rows = `
      FROM (
        SELECT *, concat_ws('-', substr(hex, 1, 8), substr(hex, 9, 4), '7' || substr(s, 16, 3), substr(s, 20)) AS id
        FROM (
          SELECT *, lpad(to_hex(received), 12, '0') AS hex
          FROM (SELECT *, ${until} - ${from + count} + n AS received FROM ${sessions(first, last)}) AS timed
        ) AS named
      ) AS rows`;
    await database.query(`
      INSERT INTO cr3dentials_webhook_delivery
        (id, idempotency_key, tenant, session_id, status, platform_id, external_reference_id, raw_body, fingerprint, received_at)
      SELECT id, encode(sha256(decode('00', 'hex') || convert_to(s, 'UTF8')), 'hex'), '', s, 'COMPLETED', 1, 'user_' || n,
             ${PAYLOAD}::text, encode(sha256(convert_to('content ' || s, 'UTF8')), 'hex'), received ${rows}`);
    await database.query(`
      INSERT INTO cr3dentials_webhook_delivery_state (delivery_id, state, dispatches, next_attempt_at, finished_at)
      SELECT id, '${state}', ${state === 'pending' ? 0 : 1}, ${due}, ${finished} ${rows}`);
  }
}
