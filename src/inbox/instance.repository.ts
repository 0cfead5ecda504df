import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { join, raw, sql, type Sql } from '../database/sql.js';
import type { InstanceRow } from './instance.entity.js';
import { Tables } from './tables.js';

/** Instances that are read: those last heard of. */
const MAX_LISTED = 500;

const COLUMNS = [
  'id',
  'host',
  'pid',
  'version',
  'app_version',
  'receives',
  'processes',
  'started_at',
  'heard_at',
  'stopped_at',
  'in_flight',
  'concurrency',
  'clock_offset',
  'is_durable',
  'handlers',
  'secrets',
  'settings',
];

/** Keeps what instances say of themselves. Each writes its own row. */
@Injectable()
export class InstanceRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
  ) {}

  /** Returns the statement that writes the row of an instance anew. */
  upsertStatement(row: InstanceRow): Sql {
    const { dialect } = this.connection;
    const facts = [row.id, row.host, row.pid, row.version, row.appVersion, row.receives, row.processes];
    const times = [row.startedAt, row.heardAt, row.stoppedAt];
    const now = [row.inFlight, row.concurrency, row.clockOffset, row.isDurable];
    const values = join([...facts, ...times, ...now, row.handlers, row.secrets, row.settings]);
    const changes = COLUMNS.slice(1).map((column) => sql`${raw(column)} = ${dialect.incoming(column)}`);
    return sql`${dialect.insertInto(this.tables.instance)} (${raw(COLUMNS.join(', '))}) VALUES (${values})
      ${dialect.onConflict('id', join(changes))}`;
  }

  /** Returns instances, those last heard of first. */
  async list(): Promise<InstanceRow[]> {
    const { records } = await this.connection.execute(
      sql`SELECT ${raw(COLUMNS.join(', '))} FROM ${this.tables.instance}
          ORDER BY heard_at DESC LIMIT ${raw(String(MAX_LISTED))}`,
      'operating',
    );
    return records.map(toInstance);
  }

  /** Deletes instances that were last heard of before a time. */
  async prune(before: number): Promise<void> {
    await this.connection.execute(sql`DELETE FROM ${this.tables.instance} WHERE heard_at < ${before}`);
  }
}

function toInstance(row: Readonly<Record<string, unknown>>): InstanceRow {
  return {
    id: String(row.id),
    host: String(row.host),
    pid: Number(row.pid),
    version: String(row.version),
    appVersion: row.app_version as string | null,
    receives: Number(row.receives),
    processes: Number(row.processes),
    startedAt: Number(row.started_at),
    heardAt: Number(row.heard_at),
    stoppedAt: row.stopped_at === null ? null : Number(row.stopped_at),
    inFlight: Number(row.in_flight),
    concurrency: Number(row.concurrency),
    clockOffset: Number(row.clock_offset),
    isDurable: Number(row.is_durable),
    handlers: String(row.handlers),
    secrets: String(row.secrets),
    settings: String(row.settings),
  };
}
