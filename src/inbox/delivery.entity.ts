import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { VerificationStatus } from '../contract/verification-status.js';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * Facts of one verification session: one row, however often the session is sent. It is written once. What changes is in
 * `DeliveryStateRow`. Erasing leaves a tombstone: the id, the key and the time of the receipt. All times are epoch
 * milliseconds of the database's clock.
 *
 * Columns are named one by one, for hosts with a naming strategy of their own. Only the migrations make the schema
 * (`synchronize: false`), because no type given here would fit every database.
 */
@Entity({ name: 'cr3dentials_webhook_delivery', synchronize: false })
export class Delivery {
  /** UUIDv7, which sorts by the time of the receipt. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 36 })
  id!: string;

  /** SHA-256 of tenant and session id, in hex. It means the same under every collation. */
  @Column({ name: 'idempotency_key', type: 'varchar', length: 64 })
  idempotencyKey!: string;

  /** Tenant; empty without tenants. */
  @Column({ name: 'tenant', type: 'varchar', length: 255 })
  tenant!: string;

  @Column({ name: 'session_id', type: 'varchar', length: 512 })
  sessionId!: string;

  @Column({ name: 'status', type: 'varchar', length: 32 })
  status!: VerificationStatus;

  @Column({ name: 'platform_id', type: 'double precision' })
  platformId!: number;

  /** Null without a reference, and in a sealed row. */
  @Column({ name: 'external_reference_id', type: 'varchar', length: 512, nullable: true })
  externalReferenceId!: string | null;

  /** Body as it was sent if the host keeps the raw body, else serialised again. Sealed if there is a key. */
  @Column({ name: 'raw_body', type: 'text' })
  rawBody!: string;

  /**
   * SHA-256 over the documented fields except `metadata`; in a sealed row, its keyed hash. It tells a duplicate from a
   * conflict.
   */
  @Column({ name: 'fingerprint', type: 'varchar', length: 64 })
  fingerprint!: string;

  @Column({ name: 'received_at', type: 'bigint', transformer: epochTransformer })
  receivedAt!: number;

  /** Keyed hash of the reference, which is sealed; null without a reference, and in a plain row. */
  @Column({ name: 'reference_key', type: 'varchar', length: 64, nullable: true })
  referenceKey!: string | null;

  /**
   * Id of the key that the body is sealed with; null in a plain row, empty in a keyed row or a tombstone without a
   * body.
   */
  @Column({ name: 'key_id', type: 'varchar', length: 64, nullable: true })
  keyId!: string | null;

  /** W3C `traceparent` of the POST that made it; null if nobody traced it. */
  @Column({ name: 'trace_context', type: 'varchar', length: 55, nullable: true })
  traceContext!: string | null;
}
