import { Inject, Injectable } from '@nestjs/common';
import { hostname } from 'node:os';
import { SharedSecrets, type CountedUse } from '../authentication/shared-secrets.js';
import { Clock } from '../clock.js';
import { waitAtMost } from '../concurrency/with-timeout.js';
import { DatabaseClock } from '../database/database.clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { formatDatabaseError } from '../database/database.errors.js';
import type { InstanceRow } from '../inbox/instance.entity.js';
import { InstanceRepository } from '../inbox/instance.repository.js';
import { SecretUseRepository } from '../inbox/secret-use.repository.js';
import { TallyRepository } from '../inbox/tally.repository.js';
import { DurabilityStatus } from '../instrumentation/durability.status.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { VerificationHandlersRegistry } from '../processing/handlers/verification-handlers.registry.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing/processing.options.js';
import { InFlightDeliveries } from '../processing/worker/in-flight.deliveries.js';
import { WorkerIdentity } from '../processing/worker.identity.js';
import { VERSION } from '../version.js';
import { OBSERVE_SETTINGS, type ObserveSettings } from './observe.options.js';
import { ownHandlers } from './own.handlers.js';
import { PLAIN_SETTINGS } from './plain.settings.js';
import { SecretUseRecorder } from './secret-use.recorder.js';
import { TallyRecorder } from './tally.recorder.js';

const HOUR_MS = 3_600_000;
const MINUTES_KEPT_MS = 48 * HOUR_MS;
const HOURS_KEPT_MS = 90 * 24 * HOUR_MS;
const INSTANCES_KEPT_MS = 48 * HOUR_MS;
const MAX_VERSION_LENGTH = 64;
/** Longest time that a shutdown waits for the last write. */
const STOP_TIMEOUT_MS = 2_000;

/** What the row of an instance says besides, which is not known here. */
export interface InstanceFacts {
  readonly receives: boolean;
}

/**
 * Writes at intervals what this instance says of itself, what it has counted, and which secrets were used. Each row is
 * its own, and is written whole: nothing is counted twice, and instances never wait for each other.
 */
@Injectable()
export class InstanceReporter {
  #timer?: NodeJS.Timeout;
  #facts: InstanceFacts = { receives: false };
  #startedAt = 0;
  #writing: Promise<void> = Promise.resolve();
  #hasStopped = false;
  #hasFailed = false;
  #prunedAt = -Infinity;

  constructor(
    @Inject(OBSERVE_SETTINGS) private readonly settings: ObserveSettings,
    @Inject(PROCESSING_SETTINGS) private readonly processing: ProcessingSettings,
    @Inject(PLAIN_SETTINGS) private readonly plainSettings: unknown,
    private readonly connection: DatabaseConnection,
    private readonly instances: InstanceRepository,
    private readonly tallies: TallyRepository,
    private readonly secretUses: SecretUseRepository,
    private readonly counter: TallyRecorder,
    private readonly recorder: SecretUseRecorder,
    private readonly secrets: SharedSecrets,
    private readonly identity: WorkerIdentity,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly inFlight: InFlightDeliveries,
    private readonly durability: DurabilityStatus,
    private readonly databaseClock: DatabaseClock,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
  ) {
    if (settings.interval !== undefined) counter.subscribeTo(instrumentation);
  }

  /** Begins to write. Does nothing if nothing is to be observed. */
  start(facts: InstanceFacts): void {
    if (this.settings.interval === undefined || this.#hasStopped) return;
    this.#facts = facts;
    this.#startedAt = this.clock.now();
    this.telemetry.inBackground(() => void this.writeAndGoOn());
  }

  /** Writes for the last time, that it has stopped. */
  async stop(): Promise<void> {
    this.#hasStopped = true;
    clearTimeout(this.#timer);
    if (this.#startedAt > 0) await waitAtMost(this.write(), STOP_TIMEOUT_MS);
  }

  /** Writes what has changed. Never rejects. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.attempt());
    return this.#writing;
  }

  private async writeAndGoOn(): Promise<void> {
    await this.write();
    if (this.#hasStopped) return;
    this.#timer = setTimeout(() => void this.writeAndGoOn(), this.settings.interval).unref();
  }

  private async attempt(): Promise<void> {
    try {
      await this.measure();
      await this.writeAll();
      this.#hasFailed = false;
      await this.prune();
    } catch (error) {
      if (!this.#hasFailed)
        this.instrumentation.announce('instance-report-failed', { error: formatDatabaseError(error) });
      this.#hasFailed = true;
    }
  }

  private async measure(): Promise<void> {
    const due = await this.tallies.oldestDueAt();
    this.counter.note(due === undefined ? 0 : this.clock.now() - due);
  }

  private async writeAll(): Promise<void> {
    const [tallies, uses] = [this.counter.pending(), this.recorder.pending()];
    await this.connection.transactionOf([
      () => this.instances.upsertStatement(this.row()),
      () => this.tallies.upsertStatement(tallies),
      () => this.secretUses.upsertStatement(uses),
    ]);
    this.counter.written(tallies);
    this.recorder.written(uses);
  }

  /** What is old is old for every instance: whoever comes first deletes it. */
  private async prune(): Promise<void> {
    const now = this.clock.now();
    if (this.#hasStopped || now - this.#prunedAt < HOUR_MS) return;
    await this.tallies.prune(60, now - MINUTES_KEPT_MS);
    await this.tallies.prune(3_600, now - HOURS_KEPT_MS);
    await this.instances.prune(now - INSTANCES_KEPT_MS);
    this.#prunedAt = now;
  }

  private row(): InstanceRow {
    const { enabled, concurrency } = this.processing;
    const now = this.clock.now();
    return {
      id: this.identity.id,
      host: hostname().slice(0, 255),
      pid: process.pid,
      version: VERSION,
      appVersion: process.env.npm_package_version?.slice(0, MAX_VERSION_LENGTH) ?? null,
      receives: Number(this.#facts.receives),
      processes: Number(enabled),
      startedAt: this.#startedAt,
      heardAt: now,
      stoppedAt: this.#hasStopped ? now : null,
      inFlight: this.inFlight.size,
      concurrency: enabled ? concurrency : 0,
      clockOffset: Math.round(this.databaseClock.offset),
      isDurable: Number(this.durability.isDurable),
      handlers: JSON.stringify(ownHandlers(this.handlers)),
      secrets: JSON.stringify(this.secrets.uses().map(publishedSecret)),
      settings: JSON.stringify(this.plainSettings),
    };
  }
}

function publishedSecret({ id, notAfter }: CountedUse): { id: string; notAfter: number | null } {
  return { id, notAfter: notAfter === Infinity ? null : notAfter };
}
