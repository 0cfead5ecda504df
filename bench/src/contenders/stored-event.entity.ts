import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** What a peer stores of a delivery. */
@Entity('bench_event')
export class StoredEvent {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column({ name: 'session_id', type: 'varchar', length: 255, unique: true })
  sessionId!: string;

  @Column({ type: 'varchar', length: 32 })
  status!: string;

  @Column({ type: 'simple-json' })
  payload!: object;

  @CreateDateColumn({ name: 'received_at' })
  receivedAt!: Date;
}
