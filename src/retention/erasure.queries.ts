import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import type { Lane } from '../database/lanes.js';
import { anyOf, raw, sql, type Sql } from '../database/sql.js';
import type { DeliveryState } from '../inbox/delivery-state.entity.js';
import { Tables } from '../inbox/tables.js';
import { NO_FINGERPRINT } from '../inbox/tombstone.repository.js';
import type { ErasureTarget } from './erasure.js';

/** A reference, and what stands in its place where it is hashed. */
export interface ReferenceKeys {
  readonly tenant: string;
  readonly reference: string;
  readonly keys: readonly string[];
}

/** A rejection that is to be erased, and the key of its session. */
export interface FoundRejection {
  readonly id: string;
  readonly sessionKey: string | null;
}

/** Finds what an erasure is to erase. */
@Injectable()
export class ErasureQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Returns the keys of the sessions with a reference that were received until a time. */
  async sessionsWith({ tenant, reference, keys }: ReferenceKeys, until: number): Promise<string[]> {
    const isOfReference = anyOf([
      sql`external_reference_id = ${reference}`,
      ...keys.map((key) => sql`reference_key = ${key}`),
    ]);
    const rows = await this.select(
      sql`SELECT idempotency_key FROM ${this.tables.delivery} WHERE ${isOfReference} AND tenant = ${tenant} AND received_at <= ${until}`,
    );
    return rows.map((row) => String(row.idempotency_key));
  }

  /** Returns the rejections with a reference. */
  async rejectionsWith({ tenant, keys }: ReferenceKeys): Promise<FoundRejection[]> {
    const rows = await this.select(
      sql`SELECT id, session_key FROM ${this.tables.rejection} WHERE ${this.isOneOf('reference_key', keys)} AND tenant = ${tenant}`,
    );
    return rows.map((row) => ({ id: String(row.id), sessionKey: row.session_key as string | null }));
  }

  /** Tells whether something of a tenant can be found by a keyed hash of its reference only. */
  async hasKeyedReferences(tenant: string): Promise<boolean> {
    const { delivery, rejection } = this.tables;
    const rows = await this
      .select(sql`SELECT 1 AS one FROM ${delivery} WHERE reference_key IS NOT NULL AND tenant = ${tenant}
      UNION ALL SELECT 1 FROM ${rejection} WHERE reference_key IS NOT NULL AND key_id IS NOT NULL AND tenant = ${tenant} LIMIT 1`);
    return rows.length > 0;
  }

  /** Returns the ids of the keys that the lookup secret of a tenant is sealed with. */
  async keyIds(tenant: string): Promise<string[]> {
    const rows = await this.select(
      sql`SELECT key_id FROM ${this.tables.key} WHERE tenant = ${tenant} OR tenant = '' ORDER BY key_id`,
    );
    return rows.map((row) => String(row.key_id));
  }

  /** Returns those of the keys that no delivery and no tombstone has. */
  async withoutDelivery(sessionKeys: readonly string[]): Promise<string[]> {
    if (sessionKeys.length === 0) return [];
    const rows = await this.select(
      sql`SELECT idempotency_key FROM ${this.tables.delivery} WHERE ${this.isOneOf('idempotency_key', sessionKeys)}`,
      'processing',
    );
    const known = new Set(rows.map((row) => String(row.idempotency_key)));
    return sessionKeys.filter((key) => !known.has(key));
  }

  /** Returns ids of deliveries that are not erased yet. */
  async deliveriesOf(target: ErasureTarget, limit: number): Promise<string[]> {
    const which = this.deliveries(target);
    if (!which) return [];
    const rows = await this.select(
      sql`SELECT d.id FROM ${this.tables.delivery} d WHERE ${which} ORDER BY d.id LIMIT ${raw(String(limit))}`,
      'processing',
    );
    return rows.map((row) => String(row.id));
  }

  /** Counts the deliveries that are not erased yet, by their states. */
  async countDeliveries(target: ErasureTarget): Promise<Map<DeliveryState, number>> {
    const which = this.deliveries(target);
    if (!which) return new Map();
    const { delivery, deliveryState } = this.tables;
    const rows = await this.select(sql`SELECT s.state, COUNT(*) AS n FROM ${delivery} d
      JOIN ${deliveryState} s ON s.delivery_id = d.id WHERE ${which} AND s.state <> 'erased' GROUP BY s.state`);
    return new Map(rows.map((row) => [row.state as DeliveryState, Number(row.n)]));
  }

  /** Returns ids of rejections in the order of their ids: of a tenant, those received until a time. */
  async rejectionsOf(target: ErasureTarget, until: number, after: string, limit: number): Promise<string[]> {
    const which = this.rejections(target, until);
    if (!which) return [];
    const rows = await this.select(
      sql`SELECT id FROM ${this.tables.rejection} WHERE ${which} AND id > ${after} ORDER BY id LIMIT ${raw(String(limit))}`,
      'processing',
    );
    return rows.map((row) => String(row.id));
  }

  async countRejections(target: ErasureTarget, until: number): Promise<number> {
    const which = this.rejections(target, until);
    if (!which) return 0;
    const [row] = await this.select(sql`SELECT COUNT(*) AS n FROM ${this.tables.rejection} WHERE ${which}`);
    return Number(row?.n);
  }

  /** Returns the ids of deliveries that were erased since a time and have runs. */
  async erasedWithRuns(since: number, limit: number): Promise<string[]> {
    const { handlerRun, deliveryState } = this.tables;
    const rows = await this.select(
      sql`SELECT DISTINCT r.delivery_id FROM ${deliveryState} s JOIN ${handlerRun} r ON r.delivery_id = s.delivery_id
          WHERE s.finished_at IS NOT NULL AND s.finished_at >= ${since} AND s.state = 'erased' LIMIT ${raw(String(limit))}`,
      'processing',
    );
    return rows.map((row) => String(row.delivery_id));
  }

  /** Undefined if there are none. */
  private deliveries({ kind, tenant, sessionKeys, requestedAt }: ErasureTarget): Sql | undefined {
    const isLeft = sql`d.fingerprint <> ${NO_FINGERPRINT}`;
    // Written as the index is.
    if (kind === 'tenant')
      return sql`d.tenant = ${tenant} AND d.tenant <> '' AND d.received_at <= ${requestedAt} AND ${isLeft}`;
    return sessionKeys.length > 0 ? sql`${this.isOneOf('d.idempotency_key', sessionKeys)} AND ${isLeft}` : undefined;
  }

  private rejections({ kind, tenant, sessionKeys, rejectionIds }: ErasureTarget, until: number): Sql | undefined {
    if (kind === 'tenant') return sql`tenant = ${tenant} AND first_received_at <= ${until}`;
    const found = [
      ...(sessionKeys.length > 0 ? [this.isOneOf('session_key', sessionKeys)] : []),
      ...(rejectionIds.length > 0 ? [this.isOneOf('id', rejectionIds)] : []),
    ];
    return found.length > 0 ? anyOf(found) : undefined;
  }

  private isOneOf(column: string, values: readonly string[]): Sql {
    return this.connection.dialect.isOneOf(column, values);
  }

  private async select(statement: Sql, lane: Lane = 'operating'): Promise<Record<string, unknown>[]> {
    return (await this.connection.execute(statement, lane)).records;
  }
}
