import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { VerificationStatus } from '../contract/verification-status.js';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * `pending`: waits for a worker, or for its next attempt at `nextAttemptAt`.
 * `processing`: one worker has it, until `leaseExpiresAt` at the longest.
 * `completed`: every handler has completed.
 * `dead`: a handler has used up its attempts, or the delivery has killed its worker three times; an operator decides.
 * `unhandled`: nobody subscribed to its status; kept, and replayed when somebody does.
 * `discarded`: an operator decided that it needs no processing; kept.
 *
 * @publicApi
 */
export type DeliveryState = 'pending' | 'processing' | 'completed' | 'dead' | 'unhandled' | 'discarded';

/**
 * What is recorded for one verification session: one row, however often the session is sent. All times are epoch
 * milliseconds of the database's clock.
 *
 * Columns are named one by one, for hosts with a naming strategy of their own. The schema is the migrations' alone (`synchronize: false`): a type that fits every database cannot be said here.
 */
@Entity({ name: 'cr3dentials_webhook_delivery', synchronize: false })
export class Delivery {
  /** UUIDv7: sorts by the time it was received. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 36 })
  id!: string;

  /** SHA-256 of tenant and session id, in hex: means the same under every collation. */
  @Column({ name: 'idempotency_key', type: 'varchar', length: 64 })
  idempotencyKey!: string;

  /** Empty without tenants. */
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

  /** The body as it was sent where the host keeps the raw body, else serialised again. */
  @Column({ name: 'raw_body', type: 'text' })
  rawBody!: string;

  /** SHA-256 over the documented fields except `metadata`: tells a duplicate from a conflict. */
  @Column({ name: 'fingerprint', type: 'varchar', length: 64 })
  fingerprint!: string;

  @Column({ name: 'state', type: 'varchar', length: 16 })
  state!: DeliveryState;

  /** Why it is dead: `handler` or `crash-loop`. */
  @Column({ name: 'reason', type: 'varchar', length: 32, nullable: true })
  reason!: 'handler' | 'crash-loop' | null;

  /** How often a worker has begun to process it. */
  @Column({ name: 'attempts', type: 'int' })
  attempts!: number;

  /** How often in a row its lease ran out in a worker's hands. */
  @Column({ name: 'rescues', type: 'int' })
  rescues!: number;

  /** How often an operator has asked for it to be processed again. */
  @Column({ name: 'replays', type: 'int' })
  replays!: number;

  /** 1 when it had completed before it was replayed by name: then a handler without a run has completed. */
  @Column({ name: 'only_named_handlers', type: 'int' })
  onlyNamedHandlers!: number;

  /** When it is due; null unless pending. */
  @Column({ name: 'next_attempt_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  nextAttemptAt!: number | null;

  @Column({ name: 'lease_owner', type: 'varchar', length: 36, nullable: true })
  leaseOwner!: string | null;

  @Column({ name: 'lease_expires_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  leaseExpiresAt!: number | null;

  /** How often the same content was sent again. */
  @Column({ name: 'duplicates', type: 'int' })
  duplicates!: number;

  @Column({ name: 'last_duplicate_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  lastDuplicateAt!: number | null;

  @Column({ name: 'received_at', type: 'bigint', transformer: epochTransformer })
  receivedAt!: number;

  /** When it came to its state; null while pending or processing. */
  @Column({ name: 'finished_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  finishedAt!: number | null;
}
