import { Injectable } from '@nestjs/common';
import type { VerificationStatus } from '../contract/verification-status.js';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { sql } from '../database/sql.js';
import { Tables } from './tables.js';

/** Ids of the handlers that a worker has, by status. */
export type HandlersByStatus = ReadonlyMap<VerificationStatus, readonly string[]>;

/** Knows the handlers of every version of the host that has processed deliveries of this inbox. */
@Injectable()
export class HandlerSetRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly clock: Clock,
  ) {}

  /** Records a set of handlers. Sets are few, and never removed: a delivery may wait for years for its handler. */
  async record(fingerprint: string, handlers: HandlersByStatus): Promise<void> {
    const { dialect } = this.connection;
    const { handlerSet } = this.tables;
    const { records } = await this.connection.execute(
      sql`SELECT fingerprint FROM ${handlerSet} WHERE fingerprint = ${fingerprint}`,
    );
    if (records.length > 0) return;
    const content = JSON.stringify([...handlers]);
    await this.connection.execute(
      sql`${dialect.insertInto(handlerSet)} (fingerprint, handlers, recorded_at)
          VALUES (${fingerprint}, ${content}, ${this.clock.now()}) ${dialect.onConflictDoNothing('fingerprint')}`,
    );
  }

  /** Returns the handlers of the sets that are known, by their fingerprints. */
  async find(fingerprints: readonly string[]): Promise<Map<string, HandlersByStatus>> {
    const { records } = await this.connection.execute(
      sql`SELECT fingerprint, handlers FROM ${this.tables.handlerSet}
          WHERE ${this.connection.dialect.isOneOf('fingerprint', fingerprints)}`,
    );
    return new Map(records.map((row) => [String(row.fingerprint), parse(String(row.handlers))]));
  }
}

function parse(handlers: string): HandlersByStatus {
  return new Map(JSON.parse(handlers) as [VerificationStatus, string[]][]);
}
