import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import type { SecretUseRow } from './secret-use.entity.js';
import { Tables } from './tables.js';

/** Secrets that are read: those used last. */
const MAX_LISTED = 1_000;

/** Keeps when secrets were used, without their values. */
@Injectable()
export class SecretUseRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Returns the statement that widens the times of secrets. It may be repeated. Undefined if there are none. */
  upsertStatement(uses: readonly SecretUseRow[]): Sql | undefined {
    if (uses.length === 0) return undefined;
    const { dialect } = this.connection;
    const rows = uses.map(({ tenant, secret, firstUsedAt, lastUsedAt, lastExpiredUseAt }) => {
      return sql`(${join([tenant, secret, firstUsedAt, lastUsedAt, lastExpiredUseAt])})`;
    });
    const of = (column: string) => [dialect.stored(column), dialect.incoming(column)] as const;
    const [firstBefore, first] = of('first_used_at');
    const [lastBefore, last] = of('last_used_at');
    const [expiredBefore, expired] = of('last_expired_use_at');
    const changes = join([
      sql`first_used_at = CASE WHEN ${first} < ${firstBefore} THEN ${first} ELSE ${firstBefore} END`,
      sql`last_used_at = CASE WHEN ${last} > ${lastBefore} THEN ${last} ELSE ${lastBefore} END`,
      sql`last_expired_use_at = COALESCE(${expired}, ${expiredBefore})`,
    ]);
    return sql`${dialect.insertInto(this.tables.secretUse)} (tenant, secret, first_used_at, last_used_at, last_expired_use_at)
      VALUES ${join(rows)} ${dialect.onConflict('tenant, secret', changes)}`;
  }

  /** Returns the uses of secrets, those used last first. */
  async list(): Promise<SecretUseRow[]> {
    const { records } = await this.connection.execute(
      sql`SELECT tenant, secret, first_used_at, last_used_at, last_expired_use_at FROM ${this.tables.secretUse}
          ORDER BY last_used_at DESC LIMIT ${raw(String(MAX_LISTED))}`,
      'operating',
    );
    return records.map((row) => ({
      tenant: String(row.tenant),
      secret: String(row.secret),
      firstUsedAt: Number(row.first_used_at),
      lastUsedAt: Number(row.last_used_at),
      lastExpiredUseAt: row.last_expired_use_at === null ? null : Number(row.last_expired_use_at),
    }));
  }
}
