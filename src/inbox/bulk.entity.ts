import { Column, Entity, PrimaryColumn } from 'typeorm';
import { epochTransformer } from '../database/epoch.transformer.js';
import type { ActionSource } from '../instrumentation/action.names.js';

/** A bulk replay or discard, and how far it is. All times are epoch milliseconds of the database's clock. */
@Entity({ name: 'cr3dentials_webhook_bulk', synchronize: false })
export class BulkRow {
  /** UUIDv7. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 36 })
  id!: string;

  @Column({ name: 'action', type: 'varchar', length: 16 })
  action!: 'replay' | 'discard';

  @Column({ name: 'state', type: 'varchar', length: 16 })
  state!: 'running' | 'paused' | 'completed' | 'cancelled';

  @Column({ name: 'paused_by', type: 'varchar', length: 16, nullable: true })
  pausedBy!: 'operator' | 'dead-again' | null;

  /** Conditions on its deliveries, as JSON. */
  @Column({ name: 'selection', type: 'text' })
  selection!: string;

  /** Handlers that a replay names, as JSON. */
  @Column({ name: 'handlers', type: 'text', nullable: true })
  handlers!: string | null;

  /** What came to its state later is left alone, except `pending`: nothing has the time of that. */
  @Column({ name: 'as_of', type: 'bigint', transformer: epochTransformer })
  asOf!: number;

  /** Id of the last delivery that was tried. */
  @Column({ name: 'cursor_id', type: 'varchar', length: 36 })
  cursorId!: string;

  /** Deliveries before the cursor that somebody had locked, as JSON. */
  @Column({ name: 'locked_ids', type: 'text' })
  lockedIds!: string;

  @Column({ name: 'expected', type: 'int' })
  expected!: number;

  @Column({ name: 'done', type: 'int' })
  done!: number;

  @Column({ name: 'skipped', type: 'int' })
  skipped!: number;

  @Column({ name: 'dead_again', type: 'int' })
  deadAgain!: number;

  /** Most deliveries in a second. */
  @Column({ name: 'rate', type: 'double precision' })
  rate!: number;

  /** Share of dead again at which it pauses. */
  @Column({ name: 'pause_at', type: 'double precision' })
  pauseAt!: number;

  /** Replayed deliveries before the last resumption, which the share is not taken of. */
  @Column({ name: 'judged_from', type: 'int' })
  judgedFrom!: number;

  @Column({ name: 'operator', type: 'varchar', length: 255, nullable: true })
  operator!: string | null;

  @Column({ name: 'source', type: 'varchar', length: 16 })
  source!: ActionSource;

  @Column({ name: 'reason', type: 'text', nullable: true })
  reason!: string | null;

  /** W3C `traceparent` of the operator who started it; null if nobody traced it. */
  @Column({ name: 'trace_context', type: 'varchar', length: 55, nullable: true })
  traceContext!: string | null;

  /** Instance that carries it out, until its lease expires. */
  @Column({ name: 'instance', type: 'varchar', length: 36, nullable: true })
  instance!: string | null;

  @Column({ name: 'lease_expires_at', type: 'bigint', transformer: epochTransformer })
  leaseExpiresAt!: number;

  @Column({ name: 'started_at', type: 'bigint', transformer: epochTransformer })
  startedAt!: number;

  /** Time from which dead again counts: the start, or the last resumption. */
  @Column({ name: 'judged_since', type: 'bigint', transformer: epochTransformer })
  judgedSince!: number;

  @Column({ name: 'updated_at', type: 'bigint', transformer: epochTransformer })
  updatedAt!: number;

  @Column({ name: 'ended_at', type: 'bigint', nullable: true, transformer: epochTransformer })
  endedAt!: number | null;
}
