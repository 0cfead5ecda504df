import {
  Controller,
  HttpCode,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
  applyDecorators,
  type Type,
} from '@nestjs/common';
import { Cr3dentialsWebhookGuard } from './authentication/cr3dentials-webhook.guard.js';
import { WebhookResponder } from './http/webhook.responder.js';
import { hideFromOpenApi } from './http/hide-from-openapi.js';
import { JsonBodyGuard } from './http/json-body.guard.js';
import { PayloadValidationPipe, type ReceivedWebhook } from './contract/payload-validation.pipe.js';
import { WebhookExceptionFilter } from './http/webhook-exception.filter.js';
import { webhookExceptions, type WebhookException } from './http/webhook.exception.js';
import type { Verdict } from './inbox/verdict.js';
import { WebhookReceiver } from './inbox/webhook.receiver.js';
import { ARRIVED_AT, type WebhookRequest } from './http/webhook-request.js';

/**
 * Builds the controller for these paths. It is version-neutral, so that a host's default version does not move the
 * route.
 *
 * It calls the pipe and sends the answer itself. A pipe bound to a parameter would run after the host's global pipes.
 * An answer that is returned or thrown could be changed by the host's interceptors.
 */
export function controllerAt(path: string[], decorators: ClassDecorator[]): Type {
  @hideFromOpenApi()
  @applyDecorators(...decorators)
  @Controller({ path, version: VERSION_NEUTRAL })
  @UseFilters(WebhookExceptionFilter)
  class Cr3dentialsWebhookController {
    constructor(
      private readonly validation: PayloadValidationPipe,
      private readonly receiver: WebhookReceiver,
      private readonly responder: WebhookResponder,
    ) {}

    @Post()
    @HttpCode(200) // only told to who reads metadata, such as an OpenAPI document
    @UseGuards(JsonBodyGuard, Cr3dentialsWebhookGuard)
    async receive(@Req() request: WebhookRequest, @Res() response: unknown): Promise<void> {
      const webhook = this.validation.transform(request);
      const verdict = await this.receiver.receive(webhook, request[ARRIVED_AT]);
      const exception = exceptionFor(verdict, webhook);
      if (exception) this.responder.sendException(response, exception);
      else this.responder.acknowledge(response);
    }
  }
  return Cr3dentialsWebhookController;
}

function exceptionFor(verdict: Verdict, webhook: ReceivedWebhook): WebhookException | undefined {
  if (verdict === 'unavailable') return webhookExceptions.unavailable();
  const violations = webhook.rejection?.violations;
  return violations && webhookExceptions.violation(violations);
}
