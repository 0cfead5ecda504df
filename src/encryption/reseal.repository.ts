import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import type { ColumnValues } from '../database/dialect/dialect.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import { SEAL_MARK } from '../inbox/payload.codec.js';
import { Tables } from '../inbox/tables.js';

/** A row with contents. */
export interface ContentRow {
  readonly id: string;
  readonly tenant: string;
  readonly keyId: string | null;
}

export interface DeliveryContents extends ContentRow {
  readonly rawBody: string;
  readonly fingerprint: string;
  readonly externalReferenceId: string | null;
}

export interface RejectionContents extends ContentRow {
  readonly rawBody: string;
  readonly detail: string;
  readonly reason: string;
  readonly fingerprint: string;
  readonly repeats: number;
  readonly firstReceivedAt: number;
}

/** Error of a run or of an attempt of it, with the tenant of its delivery. */
export interface RunError {
  /** Id of the attempt; undefined for the run itself. */
  readonly attemptId?: string;
  readonly deliveryId: string;
  readonly handler: string;
  readonly tenant: string;
  readonly lastError: string;
}

/** Numbers of rows, by the id of their key; an empty id stands for plain text. */
export type RowsByKey = ReadonlyMap<string, number>;

/** Reads contents as they are stored, and replaces them unless somebody else has. */
@Injectable()
export class ResealRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Returns the next rows in the order of their ids, without contents. */
  async rowsAfter(table: 'delivery' | 'rejection', id: string, limit: number): Promise<ContentRow[]> {
    const { records } = await this.connection.execute(
      sql`SELECT id, tenant, key_id FROM ${this.tables[table]} WHERE id > ${id} ORDER BY id LIMIT ${raw(String(limit))}`,
    );
    return records.map(toContentRow);
  }

  async deliveries(ids: readonly string[]): Promise<DeliveryContents[]> {
    const { records } = await this.connection.execute(
      sql`SELECT id, tenant, key_id, raw_body, fingerprint, external_reference_id FROM ${this.tables.delivery}
          WHERE ${this.connection.dialect.isOneOf('id', ids)}`,
    );
    return records.map((row) => ({
      ...toContentRow(row),
      rawBody: String(row.raw_body),
      fingerprint: String(row.fingerprint),
      externalReferenceId: row.external_reference_id as string | null,
    }));
  }

  async rejections(ids: readonly string[]): Promise<RejectionContents[]> {
    const { records } = await this.connection.execute(
      sql`SELECT id, tenant, key_id, raw_body, detail, reason, fingerprint, repeats, first_received_at
          FROM ${this.tables.rejection} WHERE ${this.connection.dialect.isOneOf('id', ids)}`,
    );
    return records.map((row) => ({
      ...toContentRow(row),
      rawBody: String(row.raw_body),
      detail: String(row.detail),
      reason: String(row.reason),
      fingerprint: String(row.fingerprint),
      repeats: Number(row.repeats),
      firstReceivedAt: Number(row.first_received_at),
    }));
  }

  /** Returns the next errors of runs in the order of their keys. */
  async runErrorsAfter(deliveryId: string, handler: string, limit: number): Promise<RunError[]> {
    const { handlerRun, delivery } = this.tables;
    const { records } = await this.connection.execute(
      sql`SELECT r.delivery_id, r.handler, r.last_error, d.tenant FROM ${handlerRun} r JOIN ${delivery} d ON d.id = r.delivery_id
          WHERE (r.delivery_id > ${deliveryId} OR (r.delivery_id = ${deliveryId} AND r.handler > ${handler})) AND r.last_error IS NOT NULL
          ORDER BY r.delivery_id, r.handler LIMIT ${raw(String(limit))}`,
    );
    return records.map(toRunError);
  }

  /** Returns the next errors of attempts in the order of their ids. */
  async attemptErrorsAfter(id: string, limit: number): Promise<(RunError & { readonly attemptId: string })[]> {
    const { attempt, delivery } = this.tables;
    const { records } = await this.connection.execute(
      sql`SELECT a.id, a.delivery_id, a.handler, a.error AS last_error, d.tenant FROM ${attempt} a JOIN ${delivery} d ON d.id = a.delivery_id
          WHERE a.id > ${id} AND a.error IS NOT NULL ORDER BY a.id LIMIT ${raw(String(limit))}`,
    );
    return records.map((row) => ({ ...toRunError(row), attemptId: String(row.id) }));
  }

  /**
   * Replaces contents. Leaves a row that is no longer as it was read: an accepted conflict may have replaced its
   * contents under the same key.
   *
   * @returns the number of rows that were replaced
   */
  async replace(
    table: 'delivery' | 'rejection',
    changes: readonly { readonly row: DeliveryContents | RejectionContents; readonly columns: ColumnValues }[],
  ): Promise<number> {
    const results = await this.connection.transactionOf(
      changes.map(({ row, columns }) => () => {
        const key = row.keyId === null ? raw('key_id IS NULL') : sql`key_id = ${row.keyId}`;
        const isEmpty = row.rawBody === '' ? raw(`raw_body = ''`) : raw(`raw_body <> ''`);
        return this.update(
          this.tables[table],
          columns,
          sql`id = ${row.id} AND ${key} AND fingerprint = ${row.fingerprint} AND ${isEmpty}`,
        );
      }),
    );
    return results.reduce((sum, { affected }) => sum + affected, 0);
  }

  /** Replaces the error of a run or an attempt, unless it is another by now. */
  async replaceRunError({ attemptId, deliveryId, handler, lastError }: RunError, next: string): Promise<void> {
    const { attempt, handlerRun } = this.tables;
    const isRun = sql`delivery_id = ${deliveryId} AND handler = ${handler} AND last_error = ${lastError}`;
    await this.connection.execute(
      attemptId === undefined
        ? this.update(handlerRun, { last_error: next }, isRun)
        : this.update(attempt, { error: next }, sql`id = ${attemptId} AND error = ${lastError}`),
    );
  }

  /** Finds the rejection that has a fingerprint. */
  async rejectionBy(fingerprint: string): Promise<string | undefined> {
    const { records } = await this.connection.execute(
      sql`SELECT id FROM ${this.tables.rejection} WHERE fingerprint = ${fingerprint}`,
    );
    return records[0] && String(records[0].id);
  }

  /** Counts a rejection in another that was the same POST, and deletes it. */
  async mergeRejections({ id, repeats, firstReceivedAt }: RejectionContents, into: string): Promise<void> {
    const { rejection } = this.tables;
    await this.connection.transactionOf([
      () => sql`DELETE FROM ${rejection} WHERE id = ${id}`,
      ([deleted]) =>
        deleted?.affected === 1
          ? sql`UPDATE ${rejection} SET repeats = repeats + ${repeats + 1},
                  first_received_at = CASE WHEN first_received_at > ${firstReceivedAt} THEN ${firstReceivedAt} ELSE first_received_at END
                WHERE id = ${into}`
          : undefined,
    ]);
  }

  /** Counts the rows with contents by their keys. Reads the whole table. */
  async countByKey(table: 'delivery' | 'rejection'): Promise<RowsByKey> {
    const { records } = await this.connection.execute(
      sql`SELECT key_id, COUNT(*) AS n FROM ${this.tables[table]} WHERE raw_body <> '' GROUP BY key_id`,
      'operating',
    );
    return new Map(records.map((row) => [String(row.key_id ?? ''), Number(row.n)]));
  }

  /** Counts the errors of runs and attempts that are sealed with a key. Reads the whole tables. */
  async countErrors(keyId: string): Promise<number> {
    const infix = `.${keyId}.`;
    const count = (table: Sql, column: Sql) =>
      sql`(SELECT COUNT(*) FROM ${table} WHERE SUBSTR(${column}, 1, 3) = ${SEAL_MARK} AND SUBSTR(${column}, 5, ${raw(String(infix.length))}) = ${infix})`;
    const { attempt, handlerRun } = this.tables;
    const { records } = await this.connection.execute(
      sql`SELECT ${count(handlerRun, raw('last_error'))} + ${count(attempt, raw('error'))} AS n`,
      'operating',
    );
    return Number(records[0]?.n);
  }

  private update(table: Sql, columns: ColumnValues, where: Sql): Sql {
    const assignments = Object.entries(columns).map(([column, value]) => sql`${raw(column)} = ${value}`);
    return sql`UPDATE ${table} SET ${join(assignments)} WHERE ${where}`;
  }
}

function toRunError(row: Record<string, unknown>): RunError {
  return {
    deliveryId: String(row.delivery_id),
    handler: String(row.handler),
    tenant: String(row.tenant),
    lastError: String(row.last_error),
  };
}

function toContentRow(row: Record<string, unknown>): ContentRow {
  return { id: String(row.id), tenant: String(row.tenant), keyId: row.key_id as string | null };
}
