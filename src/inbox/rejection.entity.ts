import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * `invalid`: against the contract (answered 400). `unknown-status`: a status this version does not know.
 * `unexpected-data`: its data does not fit the class that the host declared for its platform.
 * `conflict`: other content for a session that is recorded already. `superseded`: the content that an accepted
 * conflict took the place of.
 *
 * @publicApi
 */
export type RejectionReason = 'invalid' | 'unknown-status' | 'unexpected-data' | 'conflict' | 'superseded';

/**
 * `open`: an operator has not decided. `accepted`: it became a delivery. `discarded`: it will not.
 *
 * @publicApi
 */
export type RejectionState = 'open' | 'accepted' | 'discarded';

/**
 * An authentic POST that could not become a delivery, kept. All times are epoch milliseconds of the database's clock.
 */
@Entity({ name: 'cr3dentials_webhook_rejection', synchronize: false })
export class Rejection {
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 36 })
  id!: string;

  /** SHA-256 of reason, tenant and body: the same POST again is counted, not kept twice. */
  @Column({ name: 'fingerprint', type: 'varchar', length: 64 })
  fingerprint!: string;

  @Column({ name: 'reason', type: 'varchar', length: 32 })
  reason!: RejectionReason;

  /** What was wrong, without values of the body: broken constraints by field, or the delivery it conflicts with. */
  @Column({ name: 'detail', type: 'text' })
  detail!: string;

  @Column({ name: 'raw_body', type: 'text' })
  rawBody!: string;

  /** Empty without tenants. */
  @Column({ name: 'tenant', type: 'varchar', length: 255 })
  tenant!: string;

  /** Null when the body has no usable one. */
  @Column({ name: 'session_id', type: 'varchar', length: 512, nullable: true })
  sessionId!: string | null;

  /** How often the same was sent again. */
  @Column({ name: 'repeats', type: 'int' })
  repeats!: number;

  @Column({ name: 'state', type: 'varchar', length: 16 })
  state!: RejectionState;

  @Column({ name: 'first_received_at', type: 'bigint', transformer: epochTransformer })
  firstReceivedAt!: number;

  @Column({ name: 'last_received_at', type: 'bigint', transformer: epochTransformer })
  lastReceivedAt!: number;
}
