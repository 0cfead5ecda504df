import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { atBoot } from './cr3dentials-webhook.error.js';
import { SecretWarnings } from './authentication/secret.warnings.js';
import { verificationStatuses, type VerificationStatus } from './contract/verification-status.js';
import { DurationWarnings } from './duration.warnings.js';
import { DatabaseConnection } from './database/database.connection.js';
import { NotificationChannel } from './database/notification.channel.js';
import { checkDurability } from './database/durability.check.js';
import { Instrumentation } from './instrumentation/instrumentation.js';
import { DuplicateCounter } from './inbox/duplicate.counter.js';
import { Tables } from './inbox/tables.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from './processing/processing.options.js';
import { DeliveryWorker } from './processing/worker/delivery.worker.js';
import { EventEmitterBridge } from './processing/handlers/event-emitter.bridge.js';
import { VerificationHandlersExplorer } from './processing/handlers/verification-handlers.explorer.js';
import { VerificationHandlersRegistry } from './processing/handlers/verification-handlers.registry.js';
import { LazyModulesWatch } from './lazy-modules.watch.js';
import { BootstrapWatch } from './bootstrap.watch.js';
import { ShutdownWatch } from './shutdown.watch.js';
import { RequestWatch } from './http/request.watch.js';
import { WebhookRoutes } from './http/webhook-routes.js';

/** Starts and stops the parts of the module, in order. */
@Injectable()
export class Cr3dentialsWebhookLifecycle
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown
{
  private stopped?: Promise<void>;

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
    private readonly lazyModules: LazyModulesWatch,
    private readonly bootstrap: BootstrapWatch,
    private readonly shutdown: ShutdownWatch,
    private readonly instrumentation: Instrumentation,
  ) {}

  onModuleInit(): void {
    this.bootstrap.watch();
  }

  async onApplicationBootstrap(): Promise<void> {
    this.secretWarnings.warn();
    this.durationWarnings.warn();
    this.warnOfMissingShutdownHooks();
    atBoot(() => this.handlers.register(this.explorer.explore()));
    this.lazyModules.watch(() => {
      this.handlers.register(this.explorer.explore());
      this.worker.identify();
    });
    this.shutdown.watch(() => this.stop());
    const isDurable = await checkDurability(this.connection, this.instrumentation);
    // Not awaited: it waits until this bootstrap has ended, and so may the event emitter.
    void this.begin(isDurable);
  }

  private async begin(isDurable: boolean): Promise<void> {
    await this.bridge.connect();
    this.announceStart(isDurable);
    await this.bootstrap.ended;
    this.worker.start();
  }

  /** Does nothing where `ShutdownWatch` has heard of another hook before. */
  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  /** Closes the inbox's own connections. Nest has closed HTTP by then, so nothing arrives any more. */
  async onApplicationShutdown(): Promise<void> {
    this.requests.stop();
    try {
      await Promise.all([this.worker.returned(), this.duplicates.stop()]);
    } finally {
      await this.channel.close();
      this.instrumentation.announce('stopped', {});
      await this.connection.close();
    }
  }

  /**
   * Stops the worker, before the host closes what handlers need, and Nest HTTP. HTTP still accepts POSTs meanwhile, which
   * are left to other workers.
   */
  private stop(): Promise<void> {
    this.requests.closeUnfinishedAfter(this.processing.drainTimeout);
    this.stopped ??= this.worker.stop();
    return this.stopped;
  }

  private announceStart(isDurable: boolean): void {
    const { options, driver } = this.connection.host;
    const name = typeof driver.database === 'string' ? driver.database : ''; // sql.js has the content there
    const { enabled } = this.processing;
    const idsOf = (status: VerificationStatus) => this.handlers.for(status).map(({ id }) => id);
    this.instrumentation.announce('started', {
      routes: this.routes.paths,
      database: [options.type, name].join(' ').trim(),
      tables: this.tables.names,
      isDurable,
      handlers: enabled ? new Map(verificationStatuses.map((status) => [status, idsOf(status)])) : undefined,
    });
    if (enabled && this.handlers.isEmpty) this.instrumentation.announce('handlers-missing', {});
    const { scarcePool: connections } = this.connection;
    if (enabled && connections !== undefined && this.handlers.hasTransactional)
      this.instrumentation.announce('pool-scarce', { connections });
  }

  private warnOfMissingShutdownHooks(): void {
    if (process.listenerCount('SIGTERM') === 0) this.instrumentation.announce('shutdown-hooks-missing', {});
  }
}
