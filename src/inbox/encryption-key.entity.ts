import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/** A key that the inbox was sealed with, for a tenant. All times are epoch milliseconds of the database's clock. */
@Entity({ name: 'cr3dentials_webhook_key', synchronize: false })
export class EncryptionKeyRow {
  @PrimaryColumn({ name: 'key_id', type: 'varchar', length: 64 })
  keyId!: string;

  /** Tenant whose lookup secret it seals; empty for the secret that all tenants share. */
  @PrimaryColumn({ name: 'tenant', type: 'varchar', length: 255 })
  tenant!: string;

  /** The lookup secret, sealed under this key. It opens only with the bytes that sealed it. */
  @Column({ name: 'lookup', type: 'text' })
  lookup!: string;

  @Column({ name: 'first_used_at', type: 'bigint', transformer: epochTransformer })
  firstUsedAt!: number;

  /** Time of the last use, to the minute. */
  @Column({ name: 'last_used_at', type: 'bigint', transformer: epochTransformer })
  lastUsedAt!: number;

  /** Time when an operator had it forgotten; null while it is in use. */
  @Column({ name: 'retired_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  retiredAt!: number | null;
}
