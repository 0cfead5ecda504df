import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { queryWithLimit } from '../database/limited.query.js';
import { allOf, join, raw, sql, type Sql } from '../database/sql.js';
import type { ActionRow } from './action.entity.js';
import type { ActionName, ActionSource } from '../instrumentation/action.names.js';
import { lowestIdAt, MAX_CLOCK_DIFFERENCE_MS } from './delivery.identity.js';
import { isBetween } from './selection-period.queries.js';
import { Tables } from './tables.js';
import { newId } from '../new-id.js';
import { searchInWindows, type Found, type Place, type SearchBounds } from './windowed.search.js';

/** Who acts, and why. */
export interface Actor {
  readonly name: string | null;
  readonly source: ActionSource;
  readonly reason: string | null;
}

/** An act that is to be recorded. */
export interface NewAction {
  readonly operator: Actor;
  readonly action: ActionName;
  readonly targetId: string;
  readonly handlers?: readonly string[] | undefined;
  /** Bulk operation that it is a part of. */
  readonly bulkId?: string | undefined;
}

/** Conditions on the actions that are listed. */
export interface ActionConditions {
  readonly targetId?: string | undefined;
  readonly operator?: string | undefined;
  readonly action?: ActionName | undefined;
  readonly actedBetween?: readonly [from: number, until: number] | undefined;
  readonly includeBulk: boolean;
}

const COLUMNS = raw('id, acted_at, operator, source, action, target_id, tenant, handlers, reason, bulk_id');

/** Records what operators do. */
@Injectable()
export class ActionRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly clock: Clock,
  ) {}

  /** Returns the statement that records an act, for the transaction of the act. */
  insertStatement({ targetId, ...act }: NewAction): Sql {
    return this.insertAllStatement({ ...act, targetIds: [targetId] });
  }

  /** Returns the statement that records the same act on several targets: at least one. */
  insertAllStatement({
    targetIds,
    ...act
  }: Omit<NewAction, 'targetId'> & { readonly targetIds: readonly string[] }): Sql {
    const { operator, action, handlers, bulkId } = act;
    const names = handlers ? JSON.stringify(handlers) : null;
    const now = this.clock.now();
    const rows = targetIds.map((targetId) => {
      const before = [newId(), now, operator.name, operator.source, action, targetId];
      return sql`(${join(before)}, ${this.tenantOf(action, targetId)}, ${names}, ${operator.reason}, ${bulkId ?? null})`;
    });
    return sql`INSERT INTO ${this.tables.action} (${COLUMNS}) VALUES ${join(rows)}`;
  }

  /** Records an act that changes nothing else. */
  async insert(action: NewAction): Promise<void> {
    await this.connection.execute(this.insertStatement(action), 'operating');
  }

  private tenantOf(action: ActionName, targetId: string): Sql {
    const { rejection, delivery } = this.tables;
    const tenantIn = (table: Sql) => sql`(SELECT tenant FROM ${table} WHERE id = ${targetId})`;
    if (action.startsWith('bulk-')) return raw(`''`);
    if (action.startsWith('reveal')) return sql`COALESCE(${tenantIn(delivery)}, ${tenantIn(rejection)}, '')`;
    return sql`COALESCE(${tenantIn(action.endsWith('-rejection') ? rejection : delivery)}, '')`;
  }

  /**
   * Looks for actions, newest first: along the index of their targets, or of their ids.
   *
   * @param timeoutMs after which the server ends a query
   * @throws DatabaseTimeoutError
   */
  search(
    conditions: ActionConditions,
    after: Place | undefined,
    bounds: SearchBounds,
    timeoutMs?: number,
  ): Promise<Found<ActionRow>> {
    const facts = factsOf(conditions);
    const walk = {
      isFiltered: facts.length > 0,
      places: (from: Place | undefined, count: number) => this.places(conditions, from, count, timeoutMs),
      matching: (ids: readonly string[]) => this.among(ids, facts, timeoutMs),
    };
    return searchInWindows(this.connection.dialect, walk, after, bounds);
  }

  private async places(
    { targetId, actedBetween }: ActionConditions,
    after: Place | undefined,
    count: number,
    timeoutMs: number | undefined,
  ): Promise<Place[]> {
    const which = [
      sql`1 = 1`,
      ...(targetId === undefined ? [] : [sql`target_id = ${targetId}`]),
      ...(actedBetween ? [isNear(actedBetween)] : []),
      ...(after ? [sql`id < ${after.id}`] : []),
    ];
    const rows = await this.read(
      sql`SELECT id FROM ${this.tables.action} WHERE ${allOf(which)} ORDER BY id DESC LIMIT ${raw(String(count))}`,
      timeoutMs,
    );
    return rows.map(({ id }) => ({ id: String(id) }));
  }

  private async among(ids: readonly string[], facts: readonly Sql[], timeoutMs?: number): Promise<ActionRow[]> {
    const which = allOf([this.connection.dialect.isOneOf('id', ids), ...facts]);
    const rows = await this.read(sql`SELECT ${COLUMNS} FROM ${this.tables.action} WHERE ${which}`, timeoutMs);
    return rows.map(toAction);
  }

  private async read(query: Sql, timeoutMs: number | undefined): Promise<Record<string, unknown>[]> {
    if (timeoutMs !== undefined) return queryWithLimit(this.connection, query, timeoutMs);
    return (await this.connection.execute(query, 'operating')).records;
  }
}

function factsOf({ operator, action, actedBetween, includeBulk }: ActionConditions): Sql[] {
  return [
    ...(operator === undefined ? [] : [sql`operator = ${operator}`]),
    ...(action === undefined ? [] : [sql`action = ${action}`]),
    ...(includeBulk ? [] : [raw('bulk_id IS NULL')]),
    ...(actedBetween ? [isBetween('acted_at', actedBetween)] : []),
  ];
}

/** Ids begin with the time of the host's clock, and find the rows. `acted_at` is of the database's. */
function isNear([from, until]: readonly [number, number]): Sql {
  return sql`id >= ${lowestIdAt(from - MAX_CLOCK_DIFFERENCE_MS)} AND id < ${lowestIdAt(until + MAX_CLOCK_DIFFERENCE_MS)}`;
}

function toAction(row: Readonly<Record<string, unknown>>): ActionRow {
  return {
    id: String(row.id),
    actedAt: Number(row.acted_at),
    operator: row.operator as string | null,
    source: row.source as ActionSource,
    action: row.action as ActionName,
    targetId: String(row.target_id),
    tenant: String(row.tenant),
    handlers: row.handlers as string | null,
    reason: row.reason as string | null,
    bulkId: row.bulk_id as string | null,
  };
}
