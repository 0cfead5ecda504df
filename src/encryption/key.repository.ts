import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { join, sql } from '../database/sql.js';
import { Tables } from '../inbox/tables.js';

/** A key that the inbox was sealed with, for one tenant or for all. */
export interface RegisteredKey {
  readonly id: string;
  readonly tenant: string;
  /** The lookup secret, sealed under this key. */
  readonly lookup: string;
  readonly lastUsedAt: number;
  readonly isRetired: boolean;
}

/** Reads and writes the table of keys. It holds no key. */
@Injectable()
export class KeyRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Returns the keys of a tenant; without one, all. */
  async list(tenant?: string): Promise<RegisteredKey[]> {
    const which = tenant === undefined ? sql`1 = 1` : sql`tenant = ${tenant}`;
    const { records } = await this.connection.execute(
      sql`SELECT key_id, tenant, lookup, last_used_at, retired_at FROM ${this.tables.key} WHERE ${which} ORDER BY first_used_at, key_id`,
    );
    return records.map((row) => ({
      id: String(row.key_id),
      tenant: String(row.tenant),
      lookup: String(row.lookup),
      lastUsedAt: Number(row.last_used_at),
      isRetired: row.retired_at !== null,
    }));
  }

  /** Returns the tenants that have a key. */
  async tenants(): Promise<string[]> {
    const { records } = await this.connection.execute(sql`SELECT DISTINCT tenant FROM ${this.tables.key}`);
    return records.map(({ tenant }) => String(tenant));
  }

  /** Adds a key, unless it is there. */
  async add({ id, tenant, lookup }: Pick<RegisteredKey, 'id' | 'tenant' | 'lookup'>, now: number): Promise<void> {
    const { insertInto, onConflictDoNothing } = this.connection.dialect;
    await this.connection.execute(
      sql`${insertInto(this.tables.key)} (key_id, tenant, lookup, first_used_at, last_used_at)
          VALUES (${join([id, tenant, lookup, now, now])}) ${onConflictDoNothing('key_id, tenant')}`,
    );
  }

  /** Notes that a key was used. A retired one is in use again then. */
  async touch(id: string, tenant: string, now: number): Promise<void> {
    await this.connection.execute(
      sql`UPDATE ${this.tables.key} SET last_used_at = ${now}, retired_at = NULL WHERE key_id = ${id} AND tenant = ${tenant}`,
    );
  }

  /** Deletes the keys of a tenant. */
  async delete(tenant: string): Promise<void> {
    await this.connection.execute(sql`DELETE FROM ${this.tables.key} WHERE tenant = ${tenant}`);
  }

  /** Marks a key retired, for every tenant. */
  async retire(id: string, now: number): Promise<void> {
    await this.connection.execute(sql`UPDATE ${this.tables.key} SET retired_at = ${now} WHERE key_id = ${id}`);
  }
}
