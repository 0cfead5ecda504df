import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/** Handlers of one version of the host. A claim tells them by their fingerprint. */
@Entity({ name: 'cr3dentials_webhook_handler_set', synchronize: false })
export class HandlerSetRow {
  @PrimaryColumn({ name: 'fingerprint', type: 'varchar', length: 64 })
  fingerprint!: string;

  /** Ids of the handlers by status, as JSON. */
  @Column({ name: 'handlers', type: 'text' })
  handlers!: string;

  @Column({ name: 'recorded_at', type: 'bigint', transformer: epochTransformer })
  recordedAt!: number;
}
