import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/** When a secret was used, without its value. All times are epoch milliseconds of the database's clock. */
@Entity({ name: 'cr3dentials_webhook_secret_use', synchronize: false })
export class SecretUseRow {
  @PrimaryColumn({ name: 'tenant', type: 'varchar', length: 255 })
  tenant!: string;

  /** Id of the secret. */
  @PrimaryColumn({ name: 'secret', type: 'varchar', length: 255 })
  secret!: string;

  @Column({ name: 'first_used_at', type: 'bigint', transformer: epochTransformer })
  firstUsedAt!: number;

  @Column({ name: 'last_used_at', type: 'bigint', transformer: epochTransformer })
  lastUsedAt!: number;

  /** When it was last used although it had expired. */
  @Column({ name: 'last_expired_use_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  lastExpiredUseAt!: number | null;
}
