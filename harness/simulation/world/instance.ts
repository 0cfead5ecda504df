import { Clock } from '../../../src/clock.js';
import { BootstrapWatch } from '../../../src/bootstrap.watch.js';
import { Cr3dentialsWebhookLifecycle } from '../../../src/cr3dentials-webhook.lifecycle.js';
import { HealthCheck } from '../../../src/operations/health.check.js';
import { SecretUses } from '../../../src/authentication/secret.uses.js';
import { SecretWarnings } from '../../../src/authentication/secret.warnings.js';
import { DatabaseClock } from '../../../src/database/database.clock.js';
import { DatabaseConnection } from '../../../src/database/database.connection.js';
import { NoNotifications, NotificationChannel } from '../../../src/database/notification.channel.js';
import { DurationWarnings } from '../../../src/duration.warnings.js';
import { WebhookRoutes } from '../../../src/http/webhook-routes.js';
import { KeyRing } from '../../../src/encryption/key.ring.js';
import { KeySource } from '../../../src/encryption/key.source.js';
import { ENCRYPTION_SETTINGS, encryptionSettings } from '../../../src/encryption/encryption.options.js';
import { RETENTION_SETTINGS, retentionSettings } from '../../../src/retention/retention.options.js';
import { SWEEP_DELAY } from '../../../src/retention/eraser.js';
import { RETENTION_ENABLED } from '../../../src/retention/retention.runner.js';
import { STALE_AFTER, RECEIVING_SETTINGS } from '../../../src/inbox/receiving.options.js';
import { PayloadCodec, PlainTextCodec } from '../../../src/inbox/payload.codec.js';
import { WebhookReceiver } from '../../../src/inbox/webhook.receiver.js';
import { SharedSecrets } from '../../../src/authentication/shared-secrets.js';
import { TelemetryHooks } from '../../../src/instrumentation/telemetry.hooks.js';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { Cr3dentialsWebhookInbox } from '../../../src/operations/cr3dentials-webhook.inbox.js';
import { RandomSource } from '../../../src/processing/dispatch/retry.policy.js';
import { EventEmitterBridge } from '../../../src/processing/handlers/event-emitter.bridge.js';
import type { VerificationHandler } from '../../../src/processing/handlers/verification-handler.js';
import { VerificationHandlersExplorer } from '../../../src/processing/handlers/verification-handlers.explorer.js';
import { OBSERVE_SETTINGS } from '../../../src/instance-reports/observe.options.js';
import { PLAIN_SETTINGS } from '../../../src/instance-reports/plain.settings.js';
import { ON_ACTION } from '../../../src/operations/action.callback.js';
import { PROCESSING_SETTINGS } from '../../../src/processing/processing.options.js';
import { InFlightDeliveries } from '../../../src/processing/worker/in-flight.deliveries.js';
import { ExtractedDataValidator } from '../../../src/contract/extracted-data.validator.js';
import { RequestWatch } from '../../../src/http/request.watch.js';
import { LazyModulesWatch } from '../../../src/lazy-modules.watch.js';
import { ShutdownWatch } from '../../../src/shutdown.watch.js';
import { Injector } from './injector.js';
import type { SimulatedProcess } from './process.js';
import type { Version } from './settings.js';
import type { World } from './world.js';

/** Parts of an instance. */
export interface InstanceParts {
  readonly world: World;
  readonly process: SimulatedProcess;
  readonly version: Version;
  readonly handlers: readonly VerificationHandler[];
}

/** One instance of the module, made of its real classes without HTTP and without Nest. */
export class Instance {
  /** True from the end of its boot until it stops. */
  isReady = false;
  /** True once it is told to stop. */
  isLeaving = false;
  /** True once it has begun to stop. */
  isStopping = false;
  #injector: Injector | undefined;

  constructor(readonly parts: InstanceParts) {}

  get process(): SimulatedProcess {
    return this.parts.process;
  }

  get receiver(): WebhookReceiver {
    return this.#get(WebhookReceiver);
  }

  get inbox(): Cr3dentialsWebhookInbox {
    return this.#get(Cr3dentialsWebhookInbox);
  }

  /** Ids of the deliveries that it has in flight. */
  get inFlight(): readonly string[] {
    return this.#injector ? this.#get(InFlightDeliveries).ids : [];
  }

  get instrumentation(): Instrumentation {
    return this.#get(Instrumentation);
  }

  async boot(connection: DatabaseConnection): Promise<void> {
    const clock = await DatabaseClock.measured(connection);
    this.#injector = new Injector(this.#values(connection, clock));
    this.#watch();
    await this.#get(Cr3dentialsWebhookLifecycle).onApplicationBootstrap();
    this.isReady = true;
  }

  /** Stops in order, as Nest does. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const lifecycle = this.#get(Cr3dentialsWebhookLifecycle);
    await lifecycle.onModuleDestroy();
    this.isReady = false;
    await lifecycle.onApplicationShutdown();
  }

  #values(connection: DatabaseConnection, clock: DatabaseClock): Map<unknown, unknown> {
    const { world, handlers } = this.parts;
    return new Map<unknown, unknown>([
      [DatabaseConnection, connection],
      [DatabaseClock, clock],
      [Clock, clock],
      [RECEIVING_SETTINGS, world.settings.receiving],
      [PROCESSING_SETTINGS, world.settings.processing],
      [ENCRYPTION_SETTINGS, encryptionSettings(undefined, [])],
      [RETENTION_SETTINGS, retentionSettings()],
      [RETENTION_ENABLED, false],
      [OBSERVE_SETTINGS, { interval: undefined }], // histories are of no consequence
      [PLAIN_SETTINGS, {}],
      [ON_ACTION, undefined],
      [STALE_AFTER, undefined],
      [SWEEP_DELAY, world.settings.receiving.ackTimeout + world.settings.processing.lease],
      [KeySource, new KeyRing([], null)],
      [PayloadCodec, new PlainTextCodec()],
      [RandomSource, { next: () => world.random.next() }],
      [ExtractedDataValidator, { validate: () => undefined, toInstance: (_: number, data: object) => data }],
      [NotificationChannel, new NoNotifications()],
      [SharedSecrets, new SharedSecrets([])],
      [TelemetryHooks, new TelemetryHooks([], new Instrumentation())],
      [SecretWarnings, { warn() {} }],
      [SecretUses, {}], // of the statistics, which nobody reads here
      [HealthCheck, {}], // of probes, which nobody sends here
      [DurationWarnings, { warn() {}, warnOfHandlers() {} }],
      [WebhookRoutes, { paths: [], rememberShadowing: () => {} }],
      [ShutdownWatch, { watch() {} }],
      [LazyModulesWatch, { watch() {} }],
      [BootstrapWatch, { watch() {}, ended: Promise.resolve() }],
      [RequestWatch, { install() {}, stop() {}, closeUnfinishedAfter() {} }],
      [VerificationHandlersExplorer, { explore: () => handlers }],
      [EventEmitterBridge, { connect: () => Promise.resolve(), handlerFor: () => undefined }],
    ]);
  }

  #watch(): void {
    const { world } = this.parts;
    this.instrumentation.subscribe('rescued-without-runs', ({ deliveryId }) => world.unrecorded.add(deliveryId));
    this.instrumentation.subscribe('rescued', ({ deliveryIds: { length: count } }) => {
      if (world.lapses === 0) world.violate(`${count} deliveries were rescued although no lease has run out`);
    });
  }

  #get<T>(token: abstract new (...dependencies: never[]) => T): T {
    if (!this.#injector) throw new Error('The instance has not booted.');
    return this.#injector.get(token);
  }
}
