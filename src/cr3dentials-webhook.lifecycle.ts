import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { withoutStack } from './cr3dentials-webhook.error.js';
import { SecretWarnings } from './authentication/secret.warnings.js';
import { verificationStatuses, type VerificationStatus } from './contract/verification-status.js';
import { DurationWarnings } from './duration.warnings.js';
import { DatabaseConnection } from './database/database.connection.js';
import { NotificationChannel } from './database/notification.channel.js';
import { checkDurability } from './database/durability.check.js';
import { TelemetryHooks } from './instrumentation/telemetry.hooks.js';
import { InstanceTelemetrySource } from './telemetry.source.js';
import { Instrumentation } from './instrumentation/instrumentation.js';
import { DuplicateCounter } from './inbox/duplicate.counter.js';
import { Tables } from './inbox/tables.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from './processing/processing.options.js';
import { HandlerQueues } from './processing/dispatch/handler.queues.js';
import { DeliveryWorker } from './processing/worker/delivery.worker.js';
import { EventEmitterBridge } from './processing/handlers/event-emitter.bridge.js';
import { VerificationHandlersExplorer } from './processing/handlers/verification-handlers.explorer.js';
import { VerificationHandlersRegistry } from './processing/handlers/verification-handlers.registry.js';
import { LazyModulesWatch } from './lazy-modules.watch.js';
import { BootstrapWatch } from './bootstrap.watch.js';
import { ShutdownWatch } from './shutdown.watch.js';
import { RequestWatch } from './http/request.watch.js';
import { InstanceReporter } from './instance-reports/instance.reporter.js';
import { WebhookRoutes } from './http/webhook-routes.js';

/** Starts and stops the parts of the module, in order. */
@Injectable()
export class Cr3dentialsWebhookLifecycle
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown
{
  private stopped?: Promise<unknown>;
  private closed?: Promise<void>;

  constructor(
    @Inject(PROCESSING_SETTINGS) private readonly processing: ProcessingSettings,
    private readonly secretWarnings: SecretWarnings,
    private readonly durationWarnings: DurationWarnings,
    private readonly routes: WebhookRoutes,
    private readonly requests: RequestWatch,
    private readonly connection: DatabaseConnection,
    private readonly channel: NotificationChannel,
    private readonly tables: Tables,
    private readonly duplicates: DuplicateCounter,
    private readonly explorer: VerificationHandlersExplorer,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly bridge: EventEmitterBridge,
    private readonly worker: DeliveryWorker,
    private readonly queues: HandlerQueues,
    private readonly lazyModules: LazyModulesWatch,
    private readonly bootstrap: BootstrapWatch,
    private readonly shutdown: ShutdownWatch,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
    private readonly source: InstanceTelemetrySource,
    private readonly reporter: InstanceReporter,
  ) {}

  onModuleInit(): void {
    this.telemetry.start(this.source);
    this.bootstrap.watch();
  }

  async onApplicationBootstrap(): Promise<void> {
    this.secretWarnings.warn();
    this.durationWarnings.warn();
    if (this.routes.platform) this.warnOfMissingShutdownHooks();
    this.routes.rememberShadowing();
    withoutStack(() => this.registerHandlers());
    this.durationWarnings.warnOfHandlers(this.handlers.limited);
    this.lazyModules.watch(() => {
      this.registerHandlers();
      this.worker.recordHandlers();
    });
    this.shutdown.watch(() => this.stop());
    const { telemetry, connection, instrumentation } = this;
    const isDurable = await telemetry.inBackground(() => checkDurability(connection, instrumentation));
    // Not awaited: it waits until this bootstrap has ended, and so may the event emitter.
    void this.begin(isDurable);
  }

  private registerHandlers(): void {
    this.handlers.register([...this.explorer.explore(), ...this.queues.remoteHandlers]);
    this.queues.assertQueues(this.handlers.all);
  }

  private async begin(isDurable: boolean): Promise<void> {
    await this.bridge.connect();
    this.announceStart(isDurable);
    await this.bootstrap.ended;
    // An app without HTTP can enable its hooks only once it has booted.
    if (!this.routes.platform && !this.stopped) this.warnOfMissingShutdownHooks();
    this.worker.start();
    this.reporter.start({ receives: this.routes.platform !== undefined });
    if (!this.stopped) this.telemetry.inBackground(() => this.queues.start());
  }

  /** Does nothing where `ShutdownWatch` has heard of another hook before. */
  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  /**
   * Closes the inbox's own connections, once: a signal may close the app while it is being closed. Nest has closed HTTP
   * by then, so nothing arrives any more.
   */
  onApplicationShutdown(): Promise<void> {
    this.requests.stop();
    this.closed ??= this.telemetry.inBackground(() => this.close()); // a request may close the app
    return this.closed;
  }

  private async close(): Promise<void> {
    try {
      await Promise.all([this.worker.whenReleased(), this.duplicates.stop()]);
      await this.reporter.stop();
    } finally {
      await this.channel.close();
      this.instrumentation.announce('stopped', {});
      await this.telemetry.stop();
      await this.connection.close();
    }
  }

  /**
   * Stops the worker before the host closes its clients and Nest closes HTTP. POSTs that still arrive are left to
   * other workers.
   */
  private async stop(): Promise<void> {
    this.requests.closeUnfinishedAfter(this.processing.drainTimeout);
    this.stopped ??= Promise.all([this.worker.stop(), this.telemetry.inBackground(() => this.queues.stop())]);
    await this.stopped;
  }

  private announceStart(isDurable: boolean): void {
    const { options, driver } = this.connection.hostDataSource;
    const name = typeof driver.database === 'string' ? driver.database : ''; // sql.js has the content there
    const { enabled } = this.processing;
    const idsOf = (status: VerificationStatus) => this.handlers.for(status).map(({ id }) => id);
    this.instrumentation.announce('started', {
      routes: this.routes.paths,
      database: [options.type, name].join(' ').trim(),
      tables: this.tables.names,
      isDurable,
      handlers: enabled ? Object.fromEntries(verificationStatuses.map((status) => [status, idsOf(status)])) : undefined,
    });
    if (enabled && this.handlers.isEmpty) this.instrumentation.announce('handlers-missing', {});
    const { scarcePoolSize: connections } = this.connection;
    if (enabled && connections !== undefined && this.handlers.hasTransactional)
      this.instrumentation.announce('pool-scarce', { connections });
  }

  private warnOfMissingShutdownHooks(): void {
    if (process.listenerCount('SIGTERM') === 0) this.instrumentation.announce('shutdown-hooks-missing', {});
  }
}
