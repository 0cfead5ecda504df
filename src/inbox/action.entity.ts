import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ActionName, ActionSource } from '../instrumentation/action.names.js';
import { epochTransformer } from '../database/epoch.transformer.js';

/** One act of an operator, written in the transaction of the act. It has nothing of the contents. */
@Entity({ name: 'cr3dentials_webhook_action', synchronize: false })
export class ActionRow {
  /** UUIDv7. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 36 })
  id!: string;

  /** Epoch milliseconds of the database's clock. */
  @Column({ name: 'acted_at', type: 'bigint', transformer: epochTransformer })
  actedAt!: number;

  /** Name of the operator; null if the code that acted gave none. */
  @Column({ name: 'operator', type: 'varchar', length: 255, nullable: true })
  operator!: string | null;

  @Column({ name: 'source', type: 'varchar', length: 16 })
  source!: ActionSource;

  @Column({ name: 'action', type: 'varchar', length: 32 })
  action!: ActionName;

  /** Id of the delivery, rejection or bulk operation. */
  @Column({ name: 'target_id', type: 'varchar', length: 36 })
  targetId!: string;

  /** Tenant of the target, empty without tenants. */
  @Column({ name: 'tenant', type: 'varchar', length: 255 })
  tenant!: string;

  /** Handlers that a replay named, as JSON; otherwise null. */
  @Column({ name: 'handlers', type: 'text', nullable: true })
  handlers!: string | null;

  @Column({ name: 'reason', type: 'text', nullable: true })
  reason!: string | null;

  /** Bulk operation that it was a part of; null if it was none. */
  @Column({ name: 'bulk_id', type: 'varchar', length: 36, nullable: true })
  bulkId!: string | null;
}
