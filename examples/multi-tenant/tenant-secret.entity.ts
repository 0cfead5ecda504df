import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A secret of one tenant. Several are valid at once while one is being rotated. */
@Entity('tenant_secret')
export class TenantSecret {
  @PrimaryColumn({ type: 'varchar', length: 64 })
  tenant!: string;

  /** A name for the log; the secret itself is in no message. */
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string;

  /** Encrypt it as you encrypt your other secrets: the header's value is compared with it. */
  @Column({ type: 'varchar', length: 255 })
  value!: string;

  @Column({ name: 'not_after', type: 'datetime', nullable: true })
  notAfter!: Date | null;
}
