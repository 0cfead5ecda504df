import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import type { ColumnValues } from '../database/dialect/dialect.js';
import { join, raw, sql } from '../database/sql.js';
import type { Lease, NewDelivery } from './delivery.factory.js';
import { PayloadCodec } from './payload.codec.js';
import { Tables } from './tables.js';
import type { RecordingVerdict } from './verdict.js';

interface NewDeliveryRow {
  readonly delivery: NewDelivery;
  /** Lease that it is recorded with; `undefined` if any worker may claim it. */
  readonly lease: Lease | undefined;
  /** Number of duplicates that arrived with it. */
  readonly duplicates: number;
}

/** Records deliveries, each once. */
@Injectable()
export class DeliveryRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly codec: PayloadCodec,
  ) {}

  /**
   * Records a batch in one statement and one commit. Returns the verdicts in the order of the batch.
   *
   * @param batch must not hold a key twice
   */
  async record(batch: readonly NewDeliveryRow[]): Promise<RecordingVerdict[]> {
    // In the order of the unique index: two concurrent flushes would deadlock otherwise.
    const sorted = batch.toSorted((a, b) => (a.delivery.idempotencyKey < b.delivery.idempotencyKey ? -1 : 1));
    const stored = await this.upsert(sorted);
    return batch.map(({ delivery }) => {
      const row = stored.get(delivery.idempotencyKey);
      if (row?.id === delivery.id) return 'accepted';
      return row?.fingerprint === delivery.fingerprint ? 'duplicate' : 'conflict';
    });
  }

  private async upsert(batch: readonly NewDeliveryRow[]): Promise<Map<string, { id: string; fingerprint: string }>> {
    const { dialect } = this.connection;
    const { stored, incoming } = dialect;
    const isSame = sql`${stored('fingerprint')} = ${incoming('fingerprint')}`;
    const rows = batch.map((row) => this.toRow(row));
    const read = raw('id, idempotency_key, fingerprint');
    const insert = sql`${dialect.insertInto(this.tables.delivery)} (${raw(Object.keys(rows[0] ?? {}).join(', '))})
      ${dialect.rows(this.tables.delivery, rows)} ${dialect.onConflict(
        'idempotency_key',
        sql`duplicates = ${stored('duplicates')} + CASE WHEN ${isSame} THEN ${incoming('duplicates')} + 1 ELSE 0 END,
            last_duplicate_at = CASE WHEN ${isSame} THEN ${incoming('received_at')} ELSE ${stored('last_duplicate_at')} END`,
      )}`;
    const keys = batch.map(({ delivery }) => delivery.idempotencyKey);
    const records = dialect.insertReturns
      ? (await this.connection.execute(sql`${insert} RETURNING ${read}`)).records
      : await this.connection.transaction(async (execute) => {
          await execute(insert);
          return (
            await execute(sql`SELECT ${read} FROM ${this.tables.delivery} WHERE idempotency_key IN (${join(keys)})`)
          ).records;
        });
    return new Map(
      records.map((row) => [String(row.idempotency_key), { id: String(row.id), fingerprint: String(row.fingerprint) }]),
    );
  }

  private toRow({ delivery, lease, duplicates }: NewDeliveryRow): ColumnValues {
    return {
      id: delivery.id,
      idempotency_key: delivery.idempotencyKey,
      tenant: delivery.tenant,
      session_id: delivery.sessionId,
      status: delivery.status,
      platform_id: delivery.platformId,
      external_reference_id: delivery.externalReferenceId,
      raw_body: this.codec.encode(delivery.rawBody, {
        column: 'delivery.raw_body',
        row: delivery.id,
        tenant: delivery.tenant,
      }),
      fingerprint: delivery.fingerprint,
      received_at: delivery.receivedAt,
      duplicates,
      state: lease ? 'processing' : 'pending',
      attempts: lease ? delivery.attempts : 0,
      next_attempt_at: lease ? null : delivery.receivedAt,
      lease_owner: lease?.owner ?? null,
      lease_expires_at: lease?.expiresAt ?? null,
    };
  }
}
