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
import type { HttpSettings } from './http/http.options.js';
import { hideFromOpenApi } from './http/hide-from-openapi.js';
import { JsonBodyGuard } from './http/json-body.guard.js';
import { PayloadValidationPipe } from './contract/payload-validation.pipe.js';
import type { ReceivedWebhook } from './contract/payload-validation.js';
import { WebhookExceptionFilter } from './http/webhook-exception.filter.js';
import { webhookExceptions, type WebhookException } from './http/webhook.exception.js';
import type { Verdict } from './inbox/verdict.js';
import { WebhookReceiver } from './inbox/webhook.receiver.js';
import { ARRIVED_AT, IN_MODULE, type WebhookRequest } from './http/webhook-request.js';

/**
 * Builds the controller for these paths. It is version-neutral, so that a host's default version does not move the
 * route.
 *
 * It calls the pipe and sends the answer itself. A pipe bound to a parameter would run after the host's global pipes.
 * An answer that is returned or thrown could be changed by the host's interceptors.
 */
export function controllerAt({ paths, controllerDecorators }: HttpSettings): Type {
  @hideFromOpenApi()
  @applyDecorators(...controllerDecorators)
  @Controller({ path: paths, version: VERSION_NEUTRAL })
  @UseFilters(WebhookExceptionFilter)
  class Cr3dentialsWebhookController {
    constructor(
      private readonly validation: PayloadValidationPipe,
      private readonly receiver: WebhookReceiver,
      private readonly responder: WebhookResponder,
    ) {}

    @Post()
    @HttpCode(200) // only for tools that read metadata, such as OpenAPI; the responder sends the status
    @UseGuards(JsonBodyGuard, Cr3dentialsWebhookGuard)
    async receive(@Req() request: WebhookRequest, @Res() response: unknown): Promise<void> {
      request[IN_MODULE] = true;
      const webhook = this.validation.transform(request);
      const verdict = await this.receiver.receive(webhook, request[ARRIVED_AT]);
      const exception = exceptionFor(verdict, webhook);
      if (exception) this.responder.sendException(response, exception, true);
      else this.responder.acknowledge(response);
    }
  }
  return Cr3dentialsWebhookController;
}

function exceptionFor(verdict: Verdict, webhook: ReceivedWebhook): WebhookException | undefined {
  if (verdict === 'unavailable') return webhookExceptions.unavailable();
  const violations = verdict === 'erased' ? undefined : webhook.rejection?.violations;
  return violations && webhookExceptions.violation(violations);
}
