import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { SecretWarnings } from './authentication/secret.warnings.js';
import { verificationStatuses, type VerificationStatus } from './contract/verification-status.js';
import { DurationWarnings } from './duration.warnings.js';
import { DatabaseConnection } from './database/database.connection.js';
import { checkDurability } from './database/durability.check.js';
import { Instrumentation } from './instrumentation/instrumentation.js';
import { Tables } from './inbox/tables.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from './processing/processing.options.js';
import { DeliveryWorker } from './processing/worker/delivery.worker.js';
import { EventEmitterBridge } from './processing/handlers/event-emitter.bridge.js';
import { VerificationHandlersExplorer } from './processing/handlers/verification-handlers.explorer.js';
import { VerificationHandlersRegistry } from './processing/handlers/verification-handlers.registry.js';
import { WebhookRoutes } from './http/webhook-routes.js';

/** Starts and stops the parts of the module, in order. */
@Injectable()
export class Cr3dentialsWebhookLifecycle
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(
    @Inject(PROCESSING_SETTINGS) private readonly processing: ProcessingSettings,
    private readonly secretWarnings: SecretWarnings,
    private readonly durationWarnings: DurationWarnings,
    private readonly routes: WebhookRoutes,
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly explorer: VerificationHandlersExplorer,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly bridge: EventEmitterBridge,
    private readonly worker: DeliveryWorker,
    private readonly instrumentation: Instrumentation,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.secretWarnings.warn();
    this.durationWarnings.warn();
    this.warnOfMissingShutdownHooks();
    this.handlers.register(this.explorer.explore());
    const isDurable = await checkDurability(this.connection, this.instrumentation);
    // Not awaited: the event emitter may itself wait until this bootstrap has ended.
    void this.begin(isDurable);
  }

  private async begin(isDurable: boolean): Promise<void> {
    await this.bridge.connect();
    this.announceStart(isDurable);
    this.worker.start();
  }

  /** Stops the worker. HTTP still accepts POSTs meanwhile, which are left to other workers. */
  beforeApplicationShutdown(): Promise<void> {
    return this.worker.stop();
  }

  /** Closes the inbox's own connection. Nest has closed HTTP by then. */
  onApplicationShutdown(): Promise<void> {
    return this.connection.close();
  }

  private announceStart(isDurable: boolean): void {
    const { options, driver } = this.connection.reader;
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
  }

  private warnOfMissingShutdownHooks(): void {
    if (process.listenerCount('SIGTERM') === 0) this.instrumentation.announce('shutdown-hooks-missing', {});
  }
}
