import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Cr3dentialsWebhookHealth } from './cr3dentials-webhook.health.js';

/**
 * Provides `Cr3dentialsWebhookHealth`, and the `HealthCheckService` of `@nestjs/terminus`.
 *
 * @publicApi
 */
@Module({
  imports: [TerminusModule],
  providers: [Cr3dentialsWebhookHealth],
  exports: [Cr3dentialsWebhookHealth, TerminusModule],
})
export class Cr3dentialsWebhookHealthModule {}
