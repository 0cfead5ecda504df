import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The app's own table: one row per verified session. */
@Entity('demo_account')
export class DemoAccount {
  @PrimaryColumn({ name: 'session_id', type: 'varchar', length: 512 })
  sessionId!: string;

  @Column({ type: 'varchar', length: 32 })
  status!: string;

  @Column({ type: 'int' })
  activations!: number;
}
