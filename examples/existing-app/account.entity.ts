import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A table that the app had before. */
@Entity('account')
export class Account {
  @PrimaryColumn({ name: 'session_id', type: 'varchar', length: 191 })
  sessionId!: string;

  @Column({ type: 'int' })
  activations!: number;
}
