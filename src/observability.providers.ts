import type { Provider } from '@nestjs/common';
import { Counters } from './instrumentation/counters.subscriber.js';
import { DurabilityStatus } from './instrumentation/durability.status.js';
import { Instrumentation } from './instrumentation/instrumentation.js';
import { LogSubscriber } from './instrumentation/log.subscriber.js';
import { OccurrenceChannels } from './instrumentation/occurrence.channels.js';
import { Gauges } from './operations/gauges.js';
import { HealthCheck } from './operations/health.check.js';
import { SchemaState } from './operations/schema.state.js';
import { MigrationQueries } from './inbox/migration.queries.js';
import { InstanceTelemetrySource } from './telemetry.source.js';
import { WorkerIdentity } from './processing/worker.identity.js';

/** What is announced, who listens, and what probes ask. */
export const observabilityProviders: readonly Provider[] = [
  Instrumentation,
  LogSubscriber,
  Counters,
  DurabilityStatus,
  {
    provide: OccurrenceChannels,
    inject: [Instrumentation, WorkerIdentity],
    useFactory: (instrumentation: Instrumentation, { id }: WorkerIdentity) =>
      new OccurrenceChannels(instrumentation, id),
  },
  Gauges,
  MigrationQueries,
  SchemaState,
  HealthCheck,
  InstanceTelemetrySource,
];
