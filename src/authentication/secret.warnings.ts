import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { WebhookRoutes } from '../http/webhook-routes.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { AUTH_SETTINGS, type AuthSettings } from './auth.options.js';
import { MIN_SECRET_LENGTH, SharedSecrets } from './shared-secrets.js';

/** Warns of secrets that protect little or nothing. */
@Injectable()
export class SecretWarnings {
  constructor(
    @Inject(AUTH_SETTINGS) private readonly auth: AuthSettings,
    private readonly secrets: SharedSecrets,
    private readonly routes: WebhookRoutes,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {}

  /** Announces each weakness, on an instance that receives. The routes must be registered before. */
  warn(): void {
    const { instrumentation } = this;
    if (this.routes.paths.length === 0) return;
    if (this.auth.acceptsEveryone) instrumentation.announce('auth-disabled', { routes: this.routes.paths });
    for (const { id, index, isShort, isExpired } of this.secrets.weaknesses(this.clock.now())) {
      const weak = { secret: id ? `Secret "${id}"` : `auth.secrets[${index}]`, minLength: MIN_SECRET_LENGTH };
      if (isShort) instrumentation.announce('secret-weak', { ...weak, problem: 'short' });
      if (isExpired) instrumentation.announce('secret-weak', { ...weak, problem: 'expired' });
    }
  }
}
