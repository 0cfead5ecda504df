import { Injectable, type PipeTransform } from '@nestjs/common';
import { isReadable } from '../http/json-body.guard.js';
import { TENANT, type WebhookRequest } from '../http/webhook-request.js';
import { parseRawBody } from './raw-body.js';
import { ExtractedDataValidator } from './extracted-data.validator.js';
import { validatePayload, type ReceivedWebhook, type ValidationResult } from './payload-validation.js';

/**
 * Validates the body of a request. The controller calls it with the whole request. Bound to a parameter, it would run
 * after the pipes of the host.
 */
@Injectable()
export class PayloadValidationPipe implements PipeTransform<WebhookRequest, ReceivedWebhook> {
  constructor(private readonly dataValidator: ExtractedDataValidator) {}

  /**
   * One text is validated, stored and dispatched: the body as it was sent, if the host keeps it and it is a payload.
   * Otherwise it is the parsed body, which a middleware of the host may have taken out of an envelope.
   */
  transform({ body, rawBody, [TENANT]: tenant = '' }: WebhookRequest): ReceivedWebhook {
    const sent = rawBody && this.validateText(rawBody.toString('utf8'));
    if (sent && isPayload(sent)) return { tenant, ...sent };
    const parsed = { rawBody: JSON.stringify(body), ...validatePayload(this.dataValidator, body) };
    return { tenant, ...(sent && !isPayload(parsed) ? sent : parsed) };
  }

  /** Returns undefined for what is no JSON, such as bytes that a parser of the host has encoded. */
  private validateText(rawBody: string): (ValidationResult & { readonly rawBody: string }) | undefined {
    const parsed = parseReadable(rawBody);
    return parsed && { rawBody, ...validatePayload(this.dataValidator, parsed) };
  }
}

function isPayload({ rejection }: ValidationResult): boolean {
  return rejection?.reason !== 'invalid';
}

function parseReadable(text: string): object | undefined {
  try {
    const parsed = parseRawBody(text);
    return isReadable(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
