import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * `pending`: to be run again, at `nextAttemptAt`. `completed`: never run again, unless it is replayed by name.
 * `dead`: out of attempts, or failed for good.
 *
 * @publicApi
 */
export type HandlerRunState = 'pending' | 'completed' | 'dead';

/**
 * What there is to remember of one handler and one delivery. No row means that the handler has not completed, or that
 * all of them did: then the delivery says so.
 */
@Entity({ name: 'cr3dentials_webhook_handler_run', synchronize: false })
export class HandlerRun {
  @PrimaryColumn({ name: 'delivery_id', type: 'varchar', length: 36 })
  deliveryId!: string;

  /** The handler's stable id. */
  @PrimaryColumn({ name: 'handler', type: 'varchar', length: 255 })
  handler!: string;

  @Column({ name: 'state', type: 'varchar', length: 16 })
  state!: HandlerRunState;

  /** Attempts used up. */
  @Column({ name: 'attempts', type: 'int' })
  attempts!: number;

  @Column({ name: 'next_attempt_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  nextAttemptAt!: number | null;

  /** Name and message of the last error, in one line, capped, without values of the extracted data. */
  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ name: 'updated_at', type: 'bigint', transformer: epochTransformer })
  updatedAt!: number;
}
