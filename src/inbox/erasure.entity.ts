import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * What was asked to be erased.
 *
 * @publicApi
 */
export type ErasureKind = 'session' | 'reference' | 'tenant' | 'rejection';

/**
 * State of an erasure.
 *
 * `preview`: a dry run; nothing was erased, and it has no record.
 * `requested`: it is under way, or waits for rows that somebody has locked. An instance goes on with it.
 * `done`: all that it names is erased. What was being written at that time is erased once more, at `sweepAfter`.
 * `swept`: that was done, too.
 *
 * @publicApi
 */
export type ErasureState = 'preview' | 'requested' | 'done' | 'swept';

/**
 * Record of an erasure: written before anything is erased, and kept. It has no session id and no reference. All times
 * are epoch milliseconds of the database's clock.
 */
@Entity({ name: 'cr3dentials_webhook_erasure', synchronize: false })
export class ErasureRow {
  /** UUIDv7. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 36 })
  id!: string;

  @Column({ name: 'kind', type: 'varchar', length: 16 })
  kind!: ErasureKind;

  /** Tenant of what is erased, empty without tenants; null of a rejection. */
  @Column({ name: 'tenant', type: 'varchar', length: 255, nullable: true })
  tenant!: string | null;

  /** Idempotency keys of the sessions, as JSON; none of a tenant. */
  @Column({ name: 'session_keys', type: 'text' })
  sessionKeys!: string;

  /** Ids of rejections that are found by no session, as JSON. */
  @Column({ name: 'rejection_ids', type: 'text' })
  rejectionIds!: string;

  /** What could not be searched, as JSON. */
  @Column({ name: 'unsearchable', type: 'text' })
  unsearchable!: string;

  @Column({ name: 'reason', type: 'text', nullable: true })
  reason!: string | null;

  @Column({ name: 'requested_by', type: 'text', nullable: true })
  requestedBy!: string | null;

  /** 1 if the keys of the tenant are destroyed as well. */
  @Column({ name: 'shred', type: 'int' })
  shred!: number;

  @Column({ name: 'state', type: 'varchar', length: 16 })
  state!: Exclude<ErasureState, 'preview'>;

  @Column({ name: 'deliveries', type: 'int' })
  deliveries!: number;

  @Column({ name: 'rejections', type: 'int' })
  rejections!: number;

  @Column({ name: 'unprocessed', type: 'int' })
  unprocessed!: number;

  @Column({ name: 'interrupted', type: 'int' })
  interrupted!: number;

  @Column({ name: 'requested_at', type: 'bigint', transformer: epochTransformer })
  requestedAt!: number;

  @Column({ name: 'finished_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  finishedAt!: number | null;

  /** Time from which an instance looks at it again. */
  @Column({ name: 'sweep_after', type: 'bigint', transformer: epochTransformer })
  sweepAfter!: number;

  @Column({ name: 'swept_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  sweptAt!: number | null;
}
