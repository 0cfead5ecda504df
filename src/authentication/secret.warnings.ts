import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock } from '../clock.js';
import { WebhookRoutes } from '../http/webhook-routes.js';
import { AUTH_SETTINGS, type AuthSettings } from './auth.options.js';
import { MIN_SECRET_LENGTH, SharedSecrets } from './shared-secrets.js';

/** Warns of secrets that protect little or nothing. */
@Injectable()
export class SecretWarnings {
  private readonly logger = new Logger('Cr3dentialsWebhook');

  constructor(
    @Inject(AUTH_SETTINGS) private readonly auth: AuthSettings,
    private readonly secrets: SharedSecrets,
    private readonly routes: WebhookRoutes,
    private readonly clock: Clock,
  ) {}

  /** Logs one warning per weakness. The routes must be registered before. */
  warn(): void {
    if (this.auth.acceptsEveryone) {
      this.logger.warn(
        `auth is "none": everyone who reaches ${this.routes.paths.join(', ')} can post events. Set auth.secrets.`,
      );
    }
    for (const { id, index, isShort, isExpired } of this.secrets.weaknesses(this.clock.now())) {
      const name = id ? `Secret "${id}"` : `auth.secrets[${index}]`;
      if (isShort)
        this.logger.warn(`${name} has fewer than ${MIN_SECRET_LENGTH} characters. Use 32 random ones or more.`);
      if (isExpired) this.logger.warn(`${name} has expired and is refused. Remove it.`);
    }
  }
}
