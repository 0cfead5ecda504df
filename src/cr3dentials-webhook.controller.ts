import {
  Controller,
  HttpCode,
  Post,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
  applyDecorators,
  type Type,
} from '@nestjs/common';
import { Cr3dentialsWebhookGuard } from './authentication/cr3dentials-webhook.guard.js';
import { Incoming } from './contract/incoming-webhook.js';
import { JsonBodyGuard } from './contract/json-body.guard.js';
import { PayloadValidationPipe, type Contracted } from './contract/payload-validation.pipe.js';
import { RefusalFilter, refusals } from './contract/refusal.js';
import { WebhookReceiver } from './inbox/webhook.receiver.js';

/** Payload in, status out. Version-neutral, so that a host's default version does not move the route. */
export function controllerAt(path: string[], decorators: ClassDecorator[]): Type {
  @applyDecorators(...decorators)
  @Controller({ path, version: VERSION_NEUTRAL })
  @UseFilters(RefusalFilter)
  class Cr3dentialsWebhookController {
    constructor(private readonly receiver: WebhookReceiver) {}

    @Post()
    @HttpCode(200)
    @UseGuards(JsonBodyGuard, Cr3dentialsWebhookGuard)
    async receive(@Incoming(PayloadValidationPipe) webhook: Contracted): Promise<{ received: true }> {
      const verdict = await this.receiver.receive(webhook).catch(() => {
        throw refusals.unavailable();
      });
      if (verdict === 'invalid' && webhook.understood === 'no') throw refusals.violation(webhook.violations);
      return { received: true };
    }
  }
  return Cr3dentialsWebhookController;
}
