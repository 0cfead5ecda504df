import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { raw, sql } from '../database/sql.js';
import type { DeliverySelection } from './selection.checks.js';
import { asksForFacts, withoutCertainPeriod } from './selection-period.queries.js';
import { SelectionQueries } from './selection.queries.js';
import { Tables } from './tables.js';

/** Deliveries of one window that have a handler which has not completed, and a reason for their state, in common. */
export interface SelectedGroup {
  /** Null for deliveries without such a handler. */
  readonly handler: string | null;
  readonly reason: string | null;
  readonly count: number;
  /** Number of those that no other group has counted: a delivery may have several handlers. */
  readonly own: number;
}

/** Counts what is selected, in one small query for each window. */
@Injectable()
export class SelectionCountQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly selections: SelectionQueries,
  ) {}

  /**
   * Yields the groups of each window, the oldest first, and the ids that it has looked at.
   *
   * @param asOf leaves out what came to a state other than `pending` later
   */
  async *windows(
    selection: DeliverySelection,
    asOf: number,
  ): AsyncGenerator<{ ids: readonly string[]; groups: SelectedGroup[] }> {
    for await (const { ids } of this.selections.windowsAfter(selection, ''))
      if (ids.length > 0) yield { ids, groups: await this.groupsAmong(ids, selection, asOf) };
  }

  private async groupsAmong(
    ids: readonly string[],
    selection: DeliverySelection,
    asOf: number,
  ): Promise<SelectedGroup[]> {
    const { delivery, deliveryState, handlerRun } = this.tables;
    const certain = withoutCertainPeriod(selection, ids);
    const facts = asksForFacts(certain) ? sql`JOIN ${delivery} d ON d.id = s.delivery_id` : raw('');
    const before = sql`SELECT 1 FROM ${handlerRun} o
      WHERE o.delivery_id = r.delivery_id AND o.state <> 'completed' AND o.handler < r.handler`;
    const { records } = await this.connection.execute(
      sql`SELECT r.handler, s.reason, COUNT(*) AS n,
            SUM(CASE WHEN r.handler IS NULL OR NOT EXISTS (${before}) THEN 1 ELSE 0 END) AS own
          FROM ${deliveryState} s ${facts}
          LEFT JOIN ${handlerRun} r ON r.delivery_id = s.delivery_id AND r.state <> 'completed'
          WHERE ${this.selections.isSelected(ids, certain, asOf)} GROUP BY r.handler, s.reason`,
      'operating',
    );
    return records.map(toGroup);
  }
}

function toGroup(row: Readonly<Record<string, unknown>>): SelectedGroup {
  return {
    handler: row.handler as string | null,
    reason: row.reason as string | null,
    count: Number(row.n),
    own: Number(row.own),
  };
}
