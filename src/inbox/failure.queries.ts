import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { raw, sql } from '../database/sql.js';
import { PayloadCodec } from './payload.codec.js';
import type { DeliverySelection } from './selection.checks.js';
import { asksForFacts, withoutCertainPeriod } from './selection-period.queries.js';
import { SelectionQueries } from './selection.queries.js';
import { Tables } from './tables.js';

/** Failed run of a handler. */
export interface FailedRun {
  readonly handler: string;
  /** The error as it is stored; null without one. */
  readonly error: string | null;
  readonly at: number;
}

/** Delivery that is dead or waits, with the runs for which it does. */
export interface FailedDelivery {
  readonly id: string;
  readonly state: 'dead' | 'pending';
  readonly reason: string | null;
  /** Empty where nothing needs it to be read. */
  readonly tenant: string;
  /** Time when it came to its state; 0 while it waits. */
  readonly finishedAt: number;
  readonly runs: readonly FailedRun[];
}

/** Conditions on deliveries whose failures are read. */
export type FailureSelection = DeliverySelection & { readonly state: FailedDelivery['state'] };

/** Reads what handlers have failed with, in one query for each window of deliveries. */
@Injectable()
export class FailureQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly selections: SelectionQueries,
    private readonly codec: PayloadCodec,
    private readonly clock: Clock,
  ) {}

  /** Returns the selected among some deliveries, in their order: of dead ones the dead runs, else those with an error. */
  async among(ids: readonly string[], selection: FailureSelection): Promise<FailedDelivery[]> {
    if (ids.length === 0) return [];
    const { state, handler } = selection;
    const { delivery, deliveryState, handlerRun } = this.tables;
    const certain = withoutCertainPeriod(selection, ids);
    const hasFacts = this.codec.isKeyed || asksForFacts(certain); // a sealed error opens with the tenant only
    const facts = hasFacts ? sql`JOIN ${delivery} d ON d.id = s.delivery_id` : raw('');
    const hasFailed = raw(state === 'dead' ? `r.state = 'dead'` : `r.state = 'pending' AND r.last_error IS NOT NULL`);
    const isOfHandler = handler === undefined ? raw('') : sql`AND r.handler = ${handler}`;
    const { records } = await this.connection.execute(
      sql`SELECT s.delivery_id, s.reason, s.finished_at, ${raw(hasFacts ? 'd.tenant' : `''`)} AS tenant,
            r.handler, r.last_error, r.updated_at
          FROM ${deliveryState} s ${facts}
          LEFT JOIN ${handlerRun} r ON r.delivery_id = s.delivery_id AND ${hasFailed} ${isOfHandler}
          WHERE ${this.selections.isSelected(ids, certain, this.clock.now())}`,
      'operating',
    );
    const deliveries = deliveriesOf(records, state);
    return ids.flatMap((id) => deliveries.get(id) ?? []); // a database would sort texts in a file
  }

  /** Counts the dead runs of some deliveries, by handler. */
  async countDead(ids: readonly string[]): Promise<{ handler: string; count: number }[]> {
    if (ids.length === 0) return [];
    const { records } = await this.connection.execute(
      sql`SELECT handler, COUNT(*) AS n FROM ${this.tables.handlerRun}
          WHERE ${this.connection.dialect.isOneOf('delivery_id', ids)} AND state = 'dead' GROUP BY handler`,
      'operating',
    );
    return records.map(({ handler, n }) => ({ handler: String(handler), count: Number(n) }));
  }
}

type Row = Readonly<Record<string, unknown>>;

/** @param rows one for each failed run, or one without a run */
function deliveriesOf(rows: readonly Row[], state: FailedDelivery['state']): Map<string, FailedDelivery> {
  const deliveries = new Map<string, FailedDelivery & { readonly runs: FailedRun[] }>();
  for (const row of rows) {
    const id = String(row.delivery_id);
    const delivery = deliveries.get(id) ?? toDelivery(row, state);
    deliveries.set(id, delivery);
    if (row.handler !== null) delivery.runs.push(toRun(row));
  }
  return deliveries;
}

function toDelivery(row: Row, state: FailedDelivery['state']): FailedDelivery & { readonly runs: FailedRun[] } {
  const reason = row.reason as string | null;
  const finishedAt = Number(row.finished_at);
  return { id: String(row.delivery_id), state, reason, tenant: String(row.tenant), finishedAt, runs: [] };
}

function toRun({ handler, last_error: error, updated_at: at }: Row): FailedRun {
  return { handler: String(handler), error: error === null ? null : String(error), at: Number(at) };
}
