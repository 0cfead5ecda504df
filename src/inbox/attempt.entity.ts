import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/** One execution of a handler that failed, was interrupted, or completed after another had. */
@Entity({ name: 'cr3dentials_webhook_attempt', synchronize: false })
export class AttemptRow {
  /** UUIDv7. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 36 })
  id!: string;

  @Column({ name: 'delivery_id', type: 'varchar', length: 36 })
  deliveryId!: string;

  @Column({ name: 'handler', type: 'varchar', length: 255 })
  handler!: string;

  /** Number of the attempt, from 1. */
  @Column({ name: 'attempt', type: 'int' })
  attempt!: number;

  @Column({ name: 'outcome', type: 'varchar', length: 16 })
  outcome!: string;

  @Column({ name: 'started_at', type: 'bigint', transformer: epochTransformer })
  startedAt!: number;

  @Column({ name: 'ended_at', type: 'bigint', transformer: epochTransformer })
  endedAt!: number;

  /** Name and message of the error, as a handler run has it: sealed in a sealed inbox. */
  @Column({ name: 'error', type: 'text', nullable: true })
  error!: string | null;

  /** Worker that ran it. */
  @Column({ name: 'instance', type: 'varchar', length: 36 })
  instance!: string;
}
