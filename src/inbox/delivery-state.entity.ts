import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';

/**
 * State of a delivery.
 *
 * `pending`: waits for a worker, or for its next attempt at `nextAttemptAt`.
 * `processing`: one worker holds its lease, until `leaseExpiresAt` at the longest.
 * `completed`: every handler has completed.
 * `dead`: a handler has used up its attempts, or the delivery has crashed its worker three times in a row; an operator
 * decides.
 * `unhandled`: no handler is subscribed to its status; an operator replays or discards it.
 * `discarded`: an operator decided that it needs no processing; kept.
 * `erased`: its session was erased. Only the hash of its key is left, so that a repetition is recognised and not kept.
 *
 * @publicApi
 */
export type DeliveryState = 'pending' | 'processing' | 'completed' | 'dead' | 'unhandled' | 'discarded' | 'erased';

/**
 * Reason why a delivery is dead.
 *
 * `handler`: a handler failed for good.
 * `crash-loop`: its worker crashed three times in a row.
 * `unreadable`: its sealed contents did not open, at its 12th attempt or a later one.
 *
 * @publicApi
 */
export type DeathReason = 'handler' | 'crash-loop' | 'unreadable';

/** Reason for a state: of death, or `shredded`: a delivery is erased because its key was destroyed on purpose. */
export type StateReason = DeathReason | 'shredded';

/**
 * State of a delivery: a narrow row beside its facts, so that no change writes the body again. All times are
 * epoch milliseconds of the database's clock.
 */
@Entity({ name: 'cr3dentials_webhook_delivery_state', synchronize: false })
export class DeliveryStateRow {
  @PrimaryColumn({ name: 'delivery_id', type: 'varchar', length: 36 })
  deliveryId!: string;

  @Column({ name: 'state', type: 'varchar', length: 16 })
  state!: DeliveryState;

  /** Reason why it is dead, or why it is erased. */
  @Column({ name: 'reason', type: 'varchar', length: 32, nullable: true })
  reason!: StateReason | null;

  /** Number of times that a worker has dispatched it. */
  @Column({ name: 'dispatches', type: 'int' })
  dispatches!: number;

  /** Number of times in a row that its lease expired and another worker rescued it. */
  @Column({ name: 'rescues', type: 'int' })
  rescues!: number;

  /** Number of times that an operator has replayed it. */
  @Column({ name: 'replays', type: 'int' })
  replays!: number;

  /** 1 if it had completed before it was replayed by name. A handler without a run has then completed. */
  @Column({ name: 'only_named_handlers', type: 'int' })
  onlyNamedHandlers!: number;

  /**
   * Ids of handlers, as a JSON array, that it has to reach and that have no run yet: an open transaction of a worker
   * that has crashed kept their runs from being saved. Null most often.
   */
  @Column({ name: 'expected_handlers', type: 'text', nullable: true })
  expectedHandlers!: string | null;

  /** Time at which it is due; null unless pending. */
  @Column({ name: 'next_attempt_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  nextAttemptAt!: number | null;

  /** Claim of the worker that is processing it, as `claimId()` makes it; null unless processing. */
  @Column({ name: 'claim_id', type: 'varchar', length: 64, nullable: true })
  claimId!: string | null;

  @Column({ name: 'lease_expires_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  leaseExpiresAt!: number | null;

  /** Number of times that the same content was sent again. */
  @Column({ name: 'duplicates', type: 'int' })
  duplicates!: number;

  /** Time of the last duplicate, to the second. */
  @Column({ name: 'last_duplicate_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  lastDuplicateAt!: number | null;

  /** Time at which it came to its state; null while pending or processing. */
  @Column({ name: 'finished_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  finishedAt!: number | null;

  /** Time when its contents were removed or erased; null while it has them. */
  @Column({ name: 'purged_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  purgedAt!: number | null;

  /** W3C `traceparent` of the operator who replayed it last; null if nobody traced it. */
  @Column({ name: 'replay_trace_context', type: 'varchar', length: 55, nullable: true })
  replayTraceContext!: string | null;
}
