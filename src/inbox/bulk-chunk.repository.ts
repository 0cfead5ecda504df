import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { DatabaseConnection, type StatementStep } from '../database/database.connection.js';
import type { SqlResult } from '../database/dialect/dialect.js';
import { raw, sql, type Sql } from '../database/sql.js';
import { keysOf } from '../database/unlocked.update.js';
import { ActionRepository } from './action.repository.js';
import type { BulkRow } from './bulk.entity.js';
import type { DeliveryState } from './delivery-state.entity.js';
import { discardedAt, replayedAt } from './delivery-state.repository.js';
import { HandlerRunRepository } from './handler-run.repository.js';
import { Tables } from './tables.js';

/** Time after which deliveries that stay locked are left as they are, if nothing else is left to do. */
const LOCKED_TIMEOUT_MS = 30_000;

/** Next deliveries of a bulk operation. */
export interface BulkChunk {
  readonly ids: readonly string[];
  /** Id of the last delivery that was looked at. */
  readonly cursor: string;
  /** True if there are none behind it. */
  readonly isEnd: boolean;
  /** Most deliveries to change, those that were locked before among them. */
  readonly limit: number;
}

/** A chunk under way: the operation, and the results of the steps so far. */
interface Work {
  readonly bulk: BulkRow;
  readonly state: DeliveryState;
  readonly ids: readonly string[];
  readonly chunk: BulkChunk;
  readonly now: number;
}

/**
 * Carries out bulk operations, a chunk at a time. Each chunk is one transaction that moves the cursor with it: the end
 * of a worker repeats nothing and leaves nothing out.
 */
@Injectable()
export class BulkChunkRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly runs: HandlerRunRepository,
    private readonly actions: ActionRepository,
    private readonly clock: Clock,
  ) {}

  /** Resolves to false if the operation was paused, cancelled or taken by another instance. Nothing is done then. */
  async carryOut(bulk: BulkRow, state: DeliveryState, chunk: BulkChunk, leaseMs: number): Promise<boolean> {
    const now = this.clock.now();
    const ids = [...new Set([...lockedIdsOf(bulk), ...chunk.ids])];
    const work = { bulk, state, ids, chunk, now };
    const [held] = await this.connection.transactionOf([
      () =>
        sql`UPDATE ${this.tables.bulk} SET cursor_id = ${chunk.cursor}, lease_expires_at = ${now + leaseMs}
            WHERE id = ${bulk.id} AND instance = ${bulk.instance} AND state = 'running' AND cursor_id = ${bulk.cursorId}`,
      (results) => (isHeld(results) && ids.length > 0 ? this.lockOf(work) : undefined),
      (results) => this.lockedOf(work, results),
      ...this.changesOf(work),
      (results) => (isHeld(results) ? this.progressOf(work, results) : undefined),
    ]);
    return held?.affected === 1;
  }

  private lockOf(work: Work): Sql {
    const isFree = this.runs.isFree(work.now);
    return sql`SELECT delivery_id FROM ${this.tables.deliveryState}
      WHERE ${this.isMeant(work, work.ids)} AND ${isFree}
      ORDER BY delivery_id LIMIT ${raw(String(work.chunk.limit))} ${this.connection.dialect.skipLocked}`;
  }

  /** Selects those that somebody has locked, or that are too many for now. The others were decided on meanwhile. */
  private lockedOf(work: Work, results: readonly SqlResult[]): Sql | undefined {
    const missing = work.ids.filter((id) => !chosenIn(results).has(id));
    if (!isHeld(results) || missing.length === 0) return undefined;
    return sql`SELECT delivery_id FROM ${this.tables.deliveryState} WHERE ${this.isMeant(work, missing)}`;
  }

  private isMeant({ bulk, state }: Work, ids: readonly string[]): Sql {
    return sql`${this.connection.dialect.isOneOf('delivery_id', ids)} AND state = ${state} AND purged_at IS NULL
      AND (finished_at IS NULL OR finished_at <= ${bulk.asOf})`;
  }

  private changesOf({ bulk, now }: Work): StatementStep[] {
    const handlers = bulk.handlers === null ? undefined : (JSON.parse(bulk.handlers) as string[]);
    const operator = { name: bulk.operator, source: bulk.source, reason: bulk.reason };
    const act = { operator, action: bulk.action, handlers, bulkId: bulk.id };
    const change = bulk.action === 'replay' ? replayedAt(now, bulk.traceContext) : discardedAt(now);
    const rerun = (ids: string[]) =>
      handlers ? this.runs.restartStatement(ids, handlers, now) : this.runs.resetStatement(ids, now);
    return [
      ofChosen((ids) => {
        const isChosen = this.connection.dialect.isOneOf('delivery_id', ids);
        return sql`UPDATE ${this.tables.deliveryState} SET ${change} WHERE ${isChosen}`;
      }),
      ofChosen((ids) => (bulk.action === 'replay' ? rerun(ids) : undefined)),
      ofChosen((targetIds) => this.actions.insertAllStatement({ ...act, targetIds })),
    ];
  }

  private progressOf({ bulk, ids, chunk, now }: Work, results: readonly SqlResult[]): Sql {
    const changed = chosenIn(results).size;
    const locked = [...keysOf(results[2], 'delivery_id')];
    const isMoved = changed > 0 || chunk.ids.length > 0 || chunk.cursor !== bulk.cursorId;
    const isGivenUp = !isMoved && now - bulk.updatedAt > LOCKED_TIMEOUT_MS;
    const left = isGivenUp ? [] : locked;
    const isOver = chunk.isEnd && left.length === 0;
    const done = bulk.done + changed;
    const met = bulk.skipped + ids.length - changed - left.length;
    // What was never met was decided on before. Of pending ones, more may be met than were counted.
    const skipped = isOver ? Math.max(met, bulk.expected - done) : met;
    const touched = isMoved || isGivenUp ? sql`, updated_at = ${now}` : raw('');
    const end = isOver ? sql`, state = 'completed', ended_at = ${now}, instance = NULL, lease_expires_at = 0` : raw('');
    return sql`UPDATE ${this.tables.bulk} SET done = ${done}, skipped = ${skipped},
      locked_ids = ${JSON.stringify(left)}${touched}${end} WHERE id = ${bulk.id}`;
  }
}

/** Returns the deliveries before the cursor that are left to do. */
export function lockedIdsOf({ lockedIds }: BulkRow): string[] {
  return JSON.parse(lockedIds) as string[];
}

/** Returns a step on the deliveries that were chosen. */
function ofChosen(statement: (ids: string[]) => Sql | undefined): StatementStep {
  return (results) => {
    const ids = [...chosenIn(results)];
    return ids.length > 0 ? statement(ids) : undefined;
  };
}

function isHeld(results: readonly SqlResult[]): boolean {
  return results[0]?.affected === 1;
}

function chosenIn(results: readonly SqlResult[]): Set<string> {
  return keysOf(results[1], 'delivery_id');
}
