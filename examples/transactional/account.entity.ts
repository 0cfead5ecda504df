import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** An account of the host, known to the provider by its external reference. */
@Entity('account')
export class Account {
  @PrimaryColumn({ type: 'varchar', length: 191 })
  reference!: string;

  @Column({ type: 'int' })
  activations!: number;
}

/** What other services are to be told, written together with what it tells of. A relay of yours sends it. */
@Entity('outbox')
export class OutboxMessage {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 64 })
  topic!: string;

  @Column({ type: 'text' })
  content!: string;
}
