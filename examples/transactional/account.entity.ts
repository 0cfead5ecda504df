import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** An account of the app. The provider knows it by its external reference. */
@Entity('account')
export class Account {
  @PrimaryColumn({ type: 'varchar', length: 191 })
  reference!: string;

  @Column({ type: 'int' })
  activations!: number;
}

/** A message for other services, written in the same transaction as the account. A relay of yours sends it. */
@Entity('outbox')
export class OutboxMessage {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 64 })
  topic!: string;

  @Column({ type: 'text' })
  content!: string;
}
