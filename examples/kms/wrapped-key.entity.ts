import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A key of one tenant and month, as the key service has wrapped it. It is nothing without the service. */
@Entity('wrapped_key')
export class WrappedKey {
  @PrimaryColumn({ type: 'varchar', length: 64 })
  id!: string;

  @Column({ type: 'varchar', length: 64 })
  tenant!: string;

  /** Null: destroyed, for ever. */
  @Column({ type: 'varchar', length: 255, nullable: true })
  wrapped!: string | null;
}
