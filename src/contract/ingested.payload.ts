import { isReadable } from '../http/json-body.guard.js';
import type { ExtractedDataValidator } from './extracted-data.validator.js';
import { validatePayload, type ReceivedWebhook } from './payload-validation.js';
import { parseRawBody } from './raw-body.js';

/**
 * Reads a payload that did not come by HTTP, as if it had been posted. Returns undefined for one that would be answered
 * 400 before authentication: it is no JSON object, for example.
 */
export function ingestedPayload(
  given: object | string,
  tenant: string,
  dataValidator: ExtractedDataValidator,
): ReceivedWebhook | undefined {
  const rawBody = typeof given === 'string' ? given : JSON.stringify(given);
  const parsed = parse(rawBody);
  return isReadable(parsed) ? { tenant, rawBody, ...validatePayload(dataValidator, parsed) } : undefined;
}

function parse(text: string): unknown {
  try {
    return parseRawBody(text);
  } catch {
    return undefined;
  }
}
