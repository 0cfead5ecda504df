import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { SecretWarnings } from './authentication/secret.warnings.js';
import { verificationStatuses } from './contract/verification-status.js';
import { DurationWarnings } from './duration.warnings.js';
import { DatabaseConnection } from './database/database.connection.js';
import { checkDurability } from './database/durability.check.js';
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
  private readonly logger = new Logger('Cr3dentialsWebhook');

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
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.secretWarnings.warn();
    this.durationWarnings.warn();
    this.warnOfMissingShutdownHooks();
    this.handlers.register(this.explorer.explore());
    const isDurable = await checkDurability(this.connection, this.logger);
    // Not awaited: the event emitter may itself wait until this bootstrap has ended.
    void this.begin(isDurable);
  }

  private async begin(isDurable: boolean): Promise<void> {
    await this.bridge.connect();
    this.logger.log(this.summary(isDurable));
    this.warnOfMissingHandlers();
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

  private summary(isDurable: boolean): string {
    const { options, driver } = this.connection.reader;
    const name = typeof driver.database === 'string' ? driver.database : ''; // sql.js has the content there
    const handlers = verificationStatuses.map(
      (status) =>
        `${status} → ${
          this.handlers
            .for(status)
            .map(({ id }) => id)
            .join(', ') || 'nobody'
        }`,
    );
    return [
      `POST ${this.routes.paths.join(', ')}`,
      `inbox in ${[options.type, name].join(' ').trim()} (${isDurable ? 'durable' : 'NOT durable'}): ${this.tables.names}`,
      this.processing.enabled ? `handlers: ${handlers.join('; ')}` : 'receives only',
    ].join(' | ');
  }

  private warnOfMissingHandlers(): void {
    if (!this.processing.enabled || !this.handlers.isEmpty) return;
    this.logger.warn(
      'No handler is subscribed, so deliveries are recorded and stay pending. Add the class with @OnVerification to the providers of a module, or set processing.enabled to false.',
    );
  }

  private warnOfMissingShutdownHooks(): void {
    if (process.listenerCount('SIGTERM') > 0) return;
    this.logger.warn(
      'SIGTERM will end handlers half-way, to be run again after their lease. Call app.enableShutdownHooks().',
    );
  }
}
