import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * Reason why a POST became no delivery.
 *
 * `invalid`: breaks the contract (answered 400).
 * `unknown-status`: has a status that this version does not know.
 * `unexpected-data`: has data that does not fit the class that the host declared for its platform.
 * `conflict`: has other content for a session that is recorded already.
 * `stale`: completed so long ago that its session may have been forgotten.
 * `superseded`: is the former content of a delivery, replaced by an accepted conflict.
 *
 * @publicApi
 */
export type RejectionReason = 'invalid' | 'unknown-status' | 'unexpected-data' | 'conflict' | 'stale' | 'superseded';

/**
 * State of a rejection.
 *
 * `open`: an operator has not decided.
 * `accepted`: it became a delivery.
 * `discarded`: it will not become one.
 *
 * @publicApi
 */
export type RejectionState = 'open' | 'accepted' | 'discarded';

/** Authentic POST that could not become a delivery, kept. All times are epoch milliseconds of the database's clock. */
@Entity({ name: 'cr3dentials_webhook_rejection', synchronize: false })
export class Rejection {
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 36 })
  id!: string;

  /**
   * SHA-256 of reason, tenant and body; in a sealed row, its keyed hash. The same POST again is counted, not kept
   * twice.
   */
  @Column({ name: 'fingerprint', type: 'varchar', length: 64 })
  fingerprint!: string;

  @Column({ name: 'reason', type: 'varchar', length: 32 })
  reason!: RejectionReason;

  /**
   * Description of what was wrong, without values of the body: broken constraints by field, or the delivery it
   * conflicts with.
   */
  @Column({ name: 'detail', type: 'text' })
  detail!: string;

  @Column({ name: 'raw_body', type: 'text' })
  rawBody!: string;

  /** Tenant; empty without tenants. */
  @Column({ name: 'tenant', type: 'varchar', length: 255 })
  tenant!: string;

  /** Session id; null if the body has no valid one. */
  @Column({ name: 'session_id', type: 'varchar', length: 512, nullable: true })
  sessionId!: string | null;

  /** Number of times that the same POST was sent again. */
  @Column({ name: 'repeats', type: 'int' })
  repeats!: number;

  @Column({ name: 'state', type: 'varchar', length: 16 })
  state!: RejectionState;

  @Column({ name: 'first_received_at', type: 'bigint', transformer: epochTransformer })
  firstReceivedAt!: number;

  @Column({ name: 'last_received_at', type: 'bigint', transformer: epochTransformer })
  lastReceivedAt!: number;

  /** Idempotency key of the session that the body names, whatever else is wrong with it; null if it names none. */
  @Column({ name: 'session_key', type: 'varchar', length: 64, nullable: true })
  sessionKey!: string | null;

  /** Hash of tenant and reference that the body names, in a sealed row a keyed hash; null if it names none. */
  @Column({ name: 'reference_key', type: 'varchar', length: 64, nullable: true })
  referenceKey!: string | null;

  /** Id of the key that body and detail are sealed with; null in a plain row. */
  @Column({ name: 'key_id', type: 'varchar', length: 64, nullable: true })
  keyId!: string | null;
}
