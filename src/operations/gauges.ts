import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { CachedRead } from '../concurrency/cached.read.js';
import { GaugeQueries } from '../inbox/gauge.queries.js';
import type { InboxGauges } from '../instrumentation/inbox.gauges.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';

/** Time that a probe waits for the database. */
export const PROBE_TIMEOUT_MS = 1_000;
export const MAX_GAUGE_AGE_MS = 10_000;

/** Reads the numbers of the inbox at most once in a while, however many ask: a probe must not be an attack. */
@Injectable()
export class Gauges {
  private readonly gauges: CachedRead<InboxGauges>;

  constructor(queries: GaugeQueries, clock: Clock, telemetry: TelemetryHooks) {
    // It is of no request, although one may have asked: it serves all.
    this.gauges = new CachedRead(() => telemetry.inBackground(() => queries.read()), clock, PROBE_TIMEOUT_MS);
  }

  /** Rejects if the database does not answer within a second. */
  read(maxAgeMs = MAX_GAUGE_AGE_MS): Promise<InboxGauges> {
    return this.gauges.read(maxAgeMs);
  }
}
