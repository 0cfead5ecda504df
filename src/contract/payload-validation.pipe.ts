import { Injectable, type PipeTransform } from '@nestjs/common';
import { validateSync } from 'class-validator';
import { TENANT, type WebhookRequest } from '../http/webhook-request.js';
import { compileValidator } from './payload.validator.js';
import { ExtractedDataValidator } from './extracted-data.validator.js';
import { payloadFields, VerificationPayload } from './verification.payload.js';
import { isVerificationStatus } from './verification-status.js';

/** What the contract says of a body; an expected outcome whichever it is. */
export type ValidationResult =
  | { validity: 'valid'; payload: VerificationPayload }
  | { validity: 'unknown-status'; payload: VerificationPayload }
  | { validity: 'unexpected-data'; payload: VerificationPayload; dataViolations: string }
  | { validity: 'invalid'; sessionId: string | null; violations: Record<string, string[]> };

/** An authentic POST, understood or not. */
export type ReceivedWebhook = ValidationResult & { tenant: string; rawBody: string };

/** Do we understand it? */
@Injectable()
export class PayloadValidationPipe implements PipeTransform<WebhookRequest, ReceivedWebhook> {
  constructor(private readonly dataValidator: ExtractedDataValidator) {}

  transform({ body, rawBody, [TENANT]: tenant = '' }: WebhookRequest): ReceivedWebhook {
    // As it was sent, byte for byte, where the host keeps the raw body: numbers lose digits when parsed.
    return {
      tenant,
      rawBody: rawBody?.toString('utf8') ?? JSON.stringify(body),
      ...validatePayload(this.dataValidator, body),
    };
  }
}

/** Once the contract is kept, the data has to be as the host expects it. */
export function validatePayload(dataValidator: ExtractedDataValidator, parsed: unknown): ValidationResult {
  const result = validateContract(parsed);
  if (result.validity !== 'valid') return result;
  const dataViolations = dataValidator.validate(result.payload);
  return dataViolations === undefined ? result : { ...result, validity: 'unexpected-data', dataViolations };
}

const isValid = compileValidator(VerificationPayload);

export function validateContract(parsed: unknown): ValidationResult {
  const payload = pickDocumented(parsed as Record<string, unknown>);
  if (isValid(payload)) return { validity: isVerificationStatus(payload.status) ? 'valid' : 'unknown-status', payload };
  const errors = validateSync(payload, { stopAtFirstError: true });
  const violations = Object.fromEntries(
    errors.map(({ property, constraints = {} }) => [property, Object.values(constraints)]),
  );
  return { validity: 'invalid', violations, sessionId: violations.sessionId ? null : payload.sessionId };
}

function pickDocumented(body: Record<string, unknown>): VerificationPayload {
  const payload = new VerificationPayload();
  for (const field of payloadFields) (payload as object as Record<string, unknown>)[field] = body[field] ?? null;
  return payload;
}
