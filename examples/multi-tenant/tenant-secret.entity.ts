import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A secret of one tenant. During a rotation, a tenant has several valid secrets. */
@Entity('tenant_secret')
export class TenantSecret {
  @PrimaryColumn({ type: 'varchar', length: 64 })
  tenant!: string;

  /** The name of the secret in log lines. The secret itself is never logged. */
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string;

  /** The expected value of the header. Encrypt it as you encrypt your other secrets. */
  @Column({ type: 'varchar', length: 255 })
  value!: string;

  @Column({ name: 'not_after', type: 'datetime', nullable: true })
  notAfter!: Date | null;
}
