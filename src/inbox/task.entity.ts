import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * Work in the background that one instance does at a time. All times are epoch milliseconds of the database's clock.
 */
@Entity({ name: 'cr3dentials_webhook_task', synchronize: false })
export class TaskRow {
  @PrimaryColumn({ name: 'name', type: 'varchar', length: 32 })
  name!: string;

  /** Instance that works; it may go on until its lease expires. */
  @Column({ name: 'owner', type: 'varchar', length: 64, nullable: true })
  owner!: string | null;

  @Column({ name: 'lease_expires_at', type: 'bigint', transformer: epochTransformer })
  leaseExpiresAt!: number;

  /** Position from which the next owner goes on, as JSON; null at the beginning. */
  @Column({ name: 'progress', type: 'text', nullable: true })
  progress!: string | null;
}
