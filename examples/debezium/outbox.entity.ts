import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A message for other services, with the columns that the outbox event router of Debezium reads. */
@Entity('outbox')
export class OutboxMessage {
  /** Header of the message. Consumers deduplicate by it, because Debezium delivers at least once. */
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  /** Names the topic. */
  @Column({ name: 'aggregatetype', type: 'varchar', length: 64 })
  aggregateType!: string;

  /** Key of the message: those of one session stay in order. */
  @Column({ name: 'aggregateid', type: 'varchar', length: 191 })
  aggregateId!: string;

  @Column({ type: 'varchar', length: 64 })
  type!: string;

  @Column({ type: 'jsonb' })
  payload!: object;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
