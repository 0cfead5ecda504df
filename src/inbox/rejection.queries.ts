import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { allOf, raw, sql, type Sql } from '../database/sql.js';
import type { RejectionFilter } from './inbox.queries.js';
import { PayloadCodec, type OpenedText } from './payload.codec.js';
import type { Rejection } from './rejection.entity.js';
import { Tables } from './tables.js';

const COLUMNS = 'id, reason, detail, tenant, session_id, repeats, state, first_received_at, last_received_at';
/** Columns that a record is made of. */
export const REJECTION_COLUMNS = raw(COLUMNS);

/** A rejection without its body. */
export type RejectionRecord = Omit<Rejection, 'rawBody' | 'fingerprint' | 'keyId' | 'sessionKey' | 'referenceKey'>;

/** A rejection whose contents are opened. */
export interface OpenedRejection {
  readonly rejection: RejectionRecord;
  readonly rawBody: OpenedText;
  readonly detail: OpenedText;
}

/** Reads rejections for operators. Lists leave `rawBody` out. */
@Injectable()
export class RejectionQueries {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly codec: PayloadCodec,
  ) {}

  /** Finds a rejection with its contents. */
  async find(id: string): Promise<OpenedRejection | null> {
    const [row] = await this.select(sql`id = ${id}`, 1, ', raw_body');
    if (!row) return null;
    const rejection = toRejectionRecord(row);
    const { tenant } = rejection;
    const rawBody = await this.codec.decode(String(row.raw_body), { column: 'rejection.raw_body', row: id, tenant });
    return { rejection, rawBody, detail: await this.detailOf(rejection) };
  }

  /** Opens the detail of a rejection. */
  async detailOf({ id, tenant, detail }: RejectionRecord): Promise<OpenedText> {
    return this.codec.decode(detail, { column: 'rejection.detail', row: id, tenant });
  }

  /** Returns rejections, newest first, with their details opened. */
  async list({
    state = 'open',
    reason,
    before,
    limit = 50,
  }: RejectionFilter): Promise<Omit<OpenedRejection, 'rawBody'>[]> {
    const conditions = [
      sql`state = ${state}`,
      ...(reason ? [sql`reason = ${reason}`] : []),
      ...(before ? [sql`id < ${before}`] : []),
    ];
    const found = (await this.select(allOf(conditions), limit)).map(toRejectionRecord);
    return Promise.all(found.map(async (rejection) => ({ rejection, detail: await this.detailOf(rejection) })));
  }

  private async select(condition: Sql, limit: number, more = ''): Promise<Record<string, unknown>[]> {
    const statement = sql`SELECT ${raw(`${COLUMNS}${more}`)} FROM ${this.tables.rejection} WHERE ${condition}
      ORDER BY id DESC LIMIT ${raw(String(Math.trunc(limit)))}`;
    return (await this.connection.execute(statement, 'operating')).records;
  }
}

/** @param row the columns of a record */
export function toRejectionRecord(row: Record<string, unknown>): RejectionRecord {
  return {
    id: String(row.id),
    reason: row.reason as RejectionRecord['reason'],
    detail: String(row.detail),
    tenant: String(row.tenant),
    sessionId: row.session_id as string | null,
    repeats: Number(row.repeats),
    state: row.state as RejectionRecord['state'],
    firstReceivedAt: Number(row.first_received_at),
    lastReceivedAt: Number(row.last_received_at),
  };
}
