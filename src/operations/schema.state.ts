import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { CachedRead } from '../concurrency/cached.read.js';
import { MigrationQueries } from '../inbox/migration.queries.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { PROBE_TIMEOUT_MS } from './gauges.js';

/** Migrations are run seldom, and the table may be one that this user must not read. */
const MAX_AGE_MS = 300_000;

/** Knows which migrations have not been run, as of five minutes ago at most. */
@Injectable()
export class SchemaState {
  private readonly missing: CachedRead<readonly string[]>;

  constructor(queries: MigrationQueries, clock: Clock, telemetry: TelemetryHooks) {
    const ask = () => telemetry.inBackground(() => queries.missing().catch(() => []));
    this.missing = new CachedRead(ask, clock, PROBE_TIMEOUT_MS);
  }

  /** Never rejects. What cannot be read is not missing. */
  missingMigrations(): Promise<readonly string[]> {
    return this.missing.read(MAX_AGE_MS).catch(() => this.missing.last ?? []);
  }
}
