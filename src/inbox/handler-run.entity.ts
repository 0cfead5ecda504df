import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * State of one handler for one delivery.
 *
 * `pending`: runs again, at `nextAttemptAt`.
 * `completed`: never runs again, unless it is replayed by name.
 * `dead`: has used up its attempts, or failed for good.
 *
 * @publicApi
 */
export type HandlerRunState = 'pending' | 'completed' | 'dead';

/**
 * Run of one handler for one delivery. A missing row means that the handler has not completed, or that all handlers
 * have. The state of the delivery tells which.
 */
@Entity({ name: 'cr3dentials_webhook_handler_run', synchronize: false })
export class HandlerRun {
  @PrimaryColumn({ name: 'delivery_id', type: 'varchar', length: 36 })
  deliveryId!: string;

  /** Stable id of the handler. */
  @PrimaryColumn({ name: 'handler', type: 'varchar', length: 255 })
  handler!: string;

  @Column({ name: 'state', type: 'varchar', length: 16 })
  state!: HandlerRunState;

  /** Number of attempts used up. */
  @Column({ name: 'attempts', type: 'int' })
  attempts!: number;

  @Column({ name: 'next_attempt_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  nextAttemptAt!: number | null;

  /** Name and message of the last error, in one line, capped, without values of the extracted data. */
  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ name: 'updated_at', type: 'bigint', transformer: epochTransformer })
  updatedAt!: number;

  /**
   * Claim of the worker of a queue that has the run, which is pending until `nextAttemptAt` then: the end of the lease.
   * Null while no such worker has it.
   */
  @Column({ name: 'claim_id', type: 'varchar', length: 64, nullable: true })
  claimId?: string | null;

  /** Number of times that a worker of a queue has claimed it. It only grows. Undefined if it was not read. */
  @Column({ name: 'claims', type: 'int' })
  claims?: number;

  /** Number of times in a row that such a worker has let its lease expire. */
  @Column({ name: 'rescues', type: 'int' })
  rescues?: number;
}
