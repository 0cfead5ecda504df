import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Clock } from './clock.js';
import { verificationStatuses } from './contract/verification-status.js';
import type { Settings } from './cr3dentials-webhook.options.js';
import { SETTINGS } from './cr3dentials-webhook.tokens.js';
import { DatabaseConnection } from './database/database.connection.js';
import { checkDurability } from './database/durability.check.js';
import { Tables } from './inbox/tables.js';
import { DeliveryWorker } from './processing/worker/delivery.worker.js';
import { EventEmitterBridge } from './processing/handlers/event-emitter.bridge.js';
import { VerificationHandlersExplorer } from './processing/handlers/verification-handlers.explorer.js';
import { VerificationHandlersRegistry } from './processing/handlers/verification-handlers.registry.js';
import { WebhookRoutes } from './http/webhook-routes.js';

const MIN_SECRET_LENGTH = 16;

/** The order in which things begin and end, in one place. */
@Injectable()
export class Cr3dentialsWebhookLifecycle
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger('Cr3dentialsWebhook');

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly routes: WebhookRoutes,
    private readonly clock: Clock,
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly explorer: VerificationHandlersExplorer,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly bridge: EventEmitterBridge,
    private readonly worker: DeliveryWorker,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.warnOfWeakAuthentication();
    this.warnOfMissingShutdownHooks();
    this.handlers.register(this.explorer.explore());
    const isDurable = await checkDurability(this.connection, this.logger);
    // Not awaited: the event emitter may be waiting for our own bootstrap to be over.
    void this.begin(isDurable);
  }

  private async begin(isDurable: boolean): Promise<void> {
    await this.bridge.connect();
    this.logger.log(this.summary(isDurable));
    this.warnOfMissingHandlers();
    this.worker.start();
  }

  /** HTTP still accepts meanwhile; what it accepts is left for others to process. */
  beforeApplicationShutdown(): Promise<void> {
    return this.worker.stop();
  }

  /** HTTP has closed. */
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
      this.settings.processing.enabled ? `handlers: ${handlers.join('; ')}` : 'receives only',
    ].join(' | ');
  }

  private warnOfWeakAuthentication(): void {
    const { auth } = this.settings;
    if (auth === 'none') {
      this.logger.warn(
        `auth is "none": everyone who reaches ${this.routes.paths.join(', ')} can post events. Set auth.secrets.`,
      );
      return;
    }
    for (const [index, secret] of (auth.secrets ?? []).entries()) {
      if (secret === undefined) continue;
      const { value, id, notAfter } = typeof secret === 'string' ? { value: secret } : secret;
      const name = id ? `Secret "${id}"` : `auth.secrets[${index}]`;
      if (value.length < MIN_SECRET_LENGTH)
        this.logger.warn(`${name} has fewer than ${MIN_SECRET_LENGTH} characters. Use 32 random ones or more.`);
      if (notAfter && notAfter.getTime() < this.clock.now())
        this.logger.warn(`${name} has expired and is refused. Remove it.`);
    }
  }

  private warnOfMissingHandlers(): void {
    if (!this.settings.processing.enabled || !this.handlers.isEmpty) return;
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
