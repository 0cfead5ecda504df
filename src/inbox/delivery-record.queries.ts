import { raw, sql, type Sql } from '../database/sql.js';
import type { Delivery } from './delivery.entity.js';
import type { DeliveryStateRow } from './delivery-state.entity.js';
import type { Tables } from './tables.js';

/** A delivery with its state, and without its body. */
export type DeliveryRecord = Omit<Delivery, 'rawBody' | 'fingerprint' | 'referenceKey' | 'traceContext'> &
  Omit<DeliveryStateRow, 'deliveryId' | 'expectedHandlers' | 'replayTraceContext'>;

const FACTS = `d.id, d.idempotency_key, d.tenant, d.session_id, d.status, d.platform_id, d.external_reference_id,
  d.received_at, d.key_id`;
const STATE = `s.state, s.reason, s.dispatches, s.rescues, s.replays, s.only_named_handlers, s.next_attempt_at, s.claim_id,
  s.lease_expires_at, s.duplicates, s.last_duplicate_at, s.finished_at, s.purged_at`;

/**
 * Returns the query of deliveries, newest first.
 *
 * @param condition on their facts `d` and their states `s`
 * @param more further columns
 */
export function selectRecords({ delivery, deliveryState }: Tables, condition: Sql, more = ''): Sql {
  return sql`SELECT ${raw(`${FACTS}, ${STATE} ${more}`)} FROM ${deliveryState} s
    JOIN ${delivery} d ON d.id = s.delivery_id WHERE ${condition} ORDER BY s.delivery_id DESC`;
}

/** Returns a record of a row of `selectRecords()`. */
export function toRecord(row: Record<string, unknown>): DeliveryRecord {
  return {
    id: String(row.id),
    idempotencyKey: String(row.idempotency_key),
    tenant: String(row.tenant),
    sessionId: String(row.session_id),
    status: row.status as DeliveryRecord['status'],
    platformId: Number(row.platform_id),
    externalReferenceId: row.external_reference_id as string | null,
    receivedAt: Number(row.received_at),
    keyId: row.key_id as string | null,
    state: row.state as DeliveryRecord['state'],
    reason: row.reason as DeliveryRecord['reason'],
    dispatches: Number(row.dispatches),
    rescues: Number(row.rescues),
    replays: Number(row.replays),
    onlyNamedHandlers: Number(row.only_named_handlers),
    nextAttemptAt: optionalNumber(row.next_attempt_at),
    claimId: row.claim_id as string | null,
    leaseExpiresAt: optionalNumber(row.lease_expires_at),
    duplicates: Number(row.duplicates),
    lastDuplicateAt: optionalNumber(row.last_duplicate_at),
    finishedAt: optionalNumber(row.finished_at),
    purgedAt: optionalNumber(row.purged_at),
  };
}

function optionalNumber(value: unknown): number | null {
  return value === null ? null : Number(value);
}
