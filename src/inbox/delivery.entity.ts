import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { VerificationStatus } from '../contract/verification-status.js';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * State of a delivery.
 *
 * `pending`: waits for a worker, or for its next attempt at `nextAttemptAt`.
 * `processing`: one worker holds its lease, until `leaseExpiresAt` at the longest.
 * `completed`: every handler has completed.
 * `dead`: a handler has used up its attempts, or the delivery has crashed its worker three times in a row; an operator
 * decides.
 * `unhandled`: no handler is subscribed to its status; an operator replays or discards it.
 * `discarded`: an operator decided that it needs no processing; kept.
 *
 * @publicApi
 */
export type DeliveryState = 'pending' | 'processing' | 'completed' | 'dead' | 'unhandled' | 'discarded';

/**
 * Record of one verification session: one row, however often the session is sent. All times are epoch milliseconds of
 * the database's clock.
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

  @Column({ name: 'external_reference_id', type: 'varchar', length: 512, nullable: true })
  externalReferenceId!: string | null;

  /** Body as it was sent if the host keeps the raw body, else serialised again. */
  @Column({ name: 'raw_body', type: 'text' })
  rawBody!: string;

  /** SHA-256 over the documented fields except `metadata`. It tells a duplicate from a conflict. */
  @Column({ name: 'fingerprint', type: 'varchar', length: 64 })
  fingerprint!: string;

  @Column({ name: 'state', type: 'varchar', length: 16 })
  state!: DeliveryState;

  /** Reason why it is dead: `handler` or `crash-loop`. */
  @Column({ name: 'reason', type: 'varchar', length: 32, nullable: true })
  reason!: 'handler' | 'crash-loop' | null;

  /** Number of times that a worker has begun to process it. */
  @Column({ name: 'attempts', type: 'int' })
  attempts!: number;

  /** Number of times in a row that its lease expired and a worker rescued it. */
  @Column({ name: 'rescues', type: 'int' })
  rescues!: number;

  /** Number of times that an operator has replayed it. */
  @Column({ name: 'replays', type: 'int' })
  replays!: number;

  /** 1 if it had completed before it was replayed by name. A handler without a run has then completed. */
  @Column({ name: 'only_named_handlers', type: 'int' })
  onlyNamedHandlers!: number;

  /** Time at which it is due; null unless pending. */
  @Column({ name: 'next_attempt_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  nextAttemptAt!: number | null;

  @Column({ name: 'lease_owner', type: 'varchar', length: 36, nullable: true })
  leaseOwner!: string | null;

  @Column({ name: 'lease_expires_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  leaseExpiresAt!: number | null;

  /** Number of times that the same content was sent again. */
  @Column({ name: 'duplicates', type: 'int' })
  duplicates!: number;

  @Column({ name: 'last_duplicate_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  lastDuplicateAt!: number | null;

  @Column({ name: 'received_at', type: 'bigint', transformer: epochTransformer })
  receivedAt!: number;

  /** Time at which it came to its state; null while pending or processing. */
  @Column({ name: 'finished_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  finishedAt!: number | null;
}
