import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { queryWithLimit } from '../database/limited.query.js';
import { allOf, anyOf, join, raw, sql, type Sql } from '../database/sql.js';
import { referenceKey } from './content.columns.js';
import { selectRecords, toRecord, type DeliveryRecord } from './delivery-record.queries.js';
import { PayloadCodec } from './payload.codec.js';
import { Tables } from './tables.js';

/** Most tenants among which something is looked for. */
const MAX_TENANTS = 1_000;
const KEYS_PER_QUERY = 500;

/** Finds deliveries by what identifies them, and the tenants that there are. */
@Injectable()
export class DeliveryLookupQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly codec: PayloadCodec,
  ) {}

  /** Lists tenants, the empty one first: up to 1000. It makes one step in the index for each. */
  async tenants(timeoutMs: number): Promise<string[]> {
    const rows = await this.read(this.tenantsStatement(), timeoutMs);
    return ['', ...rows.map((row) => String(row.tenant))];
  }

  private tenantsStatement(): Sql {
    const { delivery } = this.tables;
    const most = raw(String(MAX_TENANTS));
    // There, the steps of a recursion would each read all that is left.
    if (this.connection.dialect.distinctSkips)
      return sql`SELECT DISTINCT tenant FROM ${delivery} WHERE tenant > '' ORDER BY tenant LIMIT ${most}`;
    return sql`WITH RECURSIVE known (tenant, n) AS (
        SELECT MIN(tenant), 1 FROM ${delivery} WHERE tenant <> ''
        UNION ALL
        SELECT (SELECT MIN(d.tenant) FROM ${delivery} d WHERE d.tenant > known.tenant AND d.tenant <> ''), known.n + 1
        FROM known WHERE known.tenant IS NOT NULL AND known.n < ${most}
      ) SELECT tenant FROM known WHERE tenant IS NOT NULL`;
  }

  /** Finds a delivery of one of these tenants. Undefined tenants are all. */
  async byId(id: string, tenants: readonly string[] | undefined, timeoutMs: number): Promise<DeliveryRecord | null> {
    const [found] = await this.list(sql`d.id = ${id}`, tenants, 1, timeoutMs);
    return found ?? null;
  }

  /** Finds deliveries by the keys of their sessions. */
  byKeys(
    keys: readonly string[],
    tenants: readonly string[] | undefined,
    timeoutMs: number,
  ): Promise<DeliveryRecord[]> {
    if (keys.length === 0) return Promise.resolve([]);
    const isOne = this.connection.dialect.isOneOf('d.idempotency_key', keys);
    return this.list(isOne, tenants, keys.length, timeoutMs);
  }

  /** Returns those of the keys that are in the inbox. */
  async recordedAmong(keys: readonly string[]): Promise<string[]> {
    const recorded: string[] = [];
    for (let n = 0; n < keys.length; n += KEYS_PER_QUERY) {
      const { records } = await this.connection.execute(
        sql`SELECT idempotency_key FROM ${this.tables.delivery}
            WHERE ${this.connection.dialect.isOneOf('idempotency_key', keys.slice(n, n + KEYS_PER_QUERY))}`,
        'operating',
      );
      recorded.push(...records.map((row) => String(row.idempotency_key)));
    }
    return recorded;
  }

  /**
   * Finds deliveries by the reference, newest first.
   *
   * @param among tenants that are searched in a sealed inbox, as far as their keys are at hand
   */
  byReference(
    reference: string,
    { tenants, among, most }: { tenants: readonly string[] | undefined; among: readonly string[]; most: number },
    timeoutMs: number,
  ): Promise<DeliveryRecord[]> {
    const keys = among.flatMap((tenant) => referenceKey(this.codec, tenant, reference) ?? []);
    const isPlain = sql`d.external_reference_id = ${reference}`;
    const isSealed = keys.length > 0 ? [this.connection.dialect.isOneOf('d.reference_key', keys)] : [];
    return this.list(anyOf([isPlain, ...isSealed]), tenants, most, timeoutMs);
  }

  /** Reads the ids by their own index, and then the rows: in one query, all deliveries might be walked in order. */
  private async list(
    condition: Sql,
    tenants: readonly string[] | undefined,
    most: number,
    timeoutMs: number,
  ): Promise<DeliveryRecord[]> {
    if (tenants?.length === 0) return [];
    const isOfTenant = tenants === undefined ? [] : [sql`d.tenant IN (${join(tenants)})`];
    const found = await this.read(
      sql`SELECT d.id FROM ${this.tables.delivery} d WHERE ${allOf([condition, ...isOfTenant])}
          ORDER BY COALESCE(d.id, '') DESC LIMIT ${raw(String(most))}`,
      timeoutMs,
    );
    const ids = found.map((row) => String(row.id));
    if (ids.length === 0) return [];
    const isFound = this.connection.dialect.isOneOf('s.delivery_id', ids);
    return (await this.read(selectRecords(this.tables, isFound), timeoutMs)).map(toRecord);
  }

  private read(query: Sql, timeoutMs: number): Promise<Record<string, unknown>[]> {
    return queryWithLimit(this.connection, query, timeoutMs);
  }
}
