import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/** What an instance says of itself. All times are epoch milliseconds of the database's clock. */
@Entity({ name: 'cr3dentials_webhook_instance', synchronize: false })
export class InstanceRow {
  /** Id of the worker in its claims. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 36 })
  id!: string;

  /** Name of the machine. */
  @Column({ name: 'host', type: 'varchar', length: 255 })
  host!: string;

  @Column({ name: 'pid', type: 'int' })
  pid!: number;

  /** Version of this package. */
  @Column({ name: 'version', type: 'varchar', length: 64 })
  version!: string;

  @Column({ name: 'app_version', type: 'varchar', length: 64, nullable: true })
  appVersion!: string | null;

  /** 1 if it receives POSTs. */
  @Column({ name: 'receives', type: 'int' })
  receives!: number;

  /** 1 if it runs handlers. */
  @Column({ name: 'processes', type: 'int' })
  processes!: number;

  @Column({ name: 'started_at', type: 'bigint', transformer: epochTransformer })
  startedAt!: number;

  @Column({ name: 'heard_at', type: 'bigint', transformer: epochTransformer })
  heardAt!: number;

  @Column({ name: 'stopped_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  stoppedAt!: number | null;

  @Column({ name: 'in_flight', type: 'int' })
  inFlight!: number;

  @Column({ name: 'concurrency', type: 'int' })
  concurrency!: number;

  /** Milliseconds between its clock and that of the database. */
  @Column({ name: 'clock_offset', type: 'bigint', transformer: epochTransformer })
  clockOffset!: number;

  @Column({ name: 'is_durable', type: 'int' })
  isDurable!: number;

  /** Its handlers, as JSON. */
  @Column({ name: 'handlers', type: 'text' })
  handlers!: string;

  /** Ids of its secrets, as JSON. */
  @Column({ name: 'secrets', type: 'text' })
  secrets!: string;

  /** Its options without secrets, as JSON. */
  @Column({ name: 'settings', type: 'text' })
  settings!: string;
}
