import { Inject, Injectable } from '@nestjs/common';
import { SharedSecrets } from './authentication/shared-secrets.js';
import { Clock } from './clock.js';
import { ReceivingLimit } from './concurrency/receiving.limit.js';
import { DatabaseClock } from './database/database.clock.js';
import type { InboxGauges } from './instrumentation/inbox.gauges.js';
import { DurabilityStatus } from './instrumentation/durability.status.js';
import type { ProcessGauges, QueueGauges, TelemetrySource } from './instrumentation/telemetry.js';
import { Gauges } from './operations/gauges.js';
import { HandlerQueues } from './processing/dispatch/handler.queues.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from './processing/processing.options.js';
import { InFlightDeliveries } from './processing/worker/in-flight.deliveries.js';
import { WorkerIdentity } from './processing/worker.identity.js';

/** Gives the numbers of this instance to the telemetry of the host. */
@Injectable()
export class InstanceTelemetrySource implements TelemetrySource {
  readonly instance: string;

  constructor(
    identity: WorkerIdentity,
    private readonly queue: ReceivingLimit,
    private readonly inFlight: InFlightDeliveries,
    private readonly databaseClock: DatabaseClock,
    private readonly clock: Clock,
    private readonly durability: DurabilityStatus,
    private readonly sharedSecrets: SharedSecrets,
    private readonly gauges: Gauges,
    private readonly handlerQueues: HandlerQueues,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {
    this.instance = identity.id;
  }

  now(): ProcessGauges {
    const { enabled, concurrency } = this.settings;
    return {
      waiting: this.queue.count,
      maxWaiting: this.queue.maxCount,
      active: this.inFlight.size,
      concurrency: enabled ? concurrency : 0,
      clockOffset: this.databaseClock.offset,
      isDurable: this.durability.isDurable,
      areQueuesReadable: this.handlerQueues.isAnswering,
    };
  }

  inbox(): Promise<InboxGauges> {
    return this.gauges.read();
  }

  queues(): readonly QueueGauges[] {
    return this.handlerQueues.gauges();
  }

  secrets(): { id: string; uses: number; timeLeft: number | undefined }[] {
    const now = this.clock.now();
    return this.sharedSecrets.uses().map(({ id, uses, notAfter }) => {
      const timeLeft = notAfter === Infinity ? undefined : Math.max(0, notAfter - now);
      return { id, uses, timeLeft };
    });
  }
}
