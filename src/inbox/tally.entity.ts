import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/** Counts of one instance in one minute or hour. The instance writes the whole row again as they grow. */
@Entity({ name: 'cr3dentials_webhook_tally', synchronize: false })
export class TallyRow {
  /** Seconds: 60 or 3600. */
  @PrimaryColumn({ name: 'width', type: 'int' })
  width!: number;

  /** Begin, in epoch milliseconds. */
  @PrimaryColumn({ name: 'bucket', type: 'bigint', transformer: epochTransformer })
  bucket!: number;

  /** What is counted: the inbox, or a handler. */
  @PrimaryColumn({ name: 'subject', type: 'varchar', length: 300 })
  subject!: string;

  @PrimaryColumn({ name: 'instance', type: 'varchar', length: 36 })
  instance!: string;

  /** Counts and the histogram of latencies, as JSON. */
  @Column({ name: 'counts', type: 'text' })
  counts!: string;
}
