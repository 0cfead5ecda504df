import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('account')
export class Account {
  @PrimaryColumn({ name: 'session_id', type: 'varchar', length: 255 })
  sessionId!: string;

  @Column({ type: 'int' })
  activations!: number;
}
