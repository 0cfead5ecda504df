import { Injectable, type PipeTransform } from '@nestjs/common';
import { validateSync } from 'class-validator';
import { isReadable } from '../http/json-body.guard.js';
import { TENANT, type WebhookRequest } from '../http/webhook-request.js';
import { toSingleLine } from '../instrumentation/single-line.js';
import { parseRawBody } from './raw-body.js';
import { compileValidator } from './payload.validator.js';
import { ExtractedDataValidator } from './extracted-data.validator.js';
import { payloadFields, VerificationPayload } from './verification.payload.js';
import { isVerificationStatus } from './verification-status.js';

/** Reason why an authentic POST becomes no delivery. */
export interface ContractRejection {
  readonly reason: 'invalid' | 'unknown-status' | 'unexpected-data';
  /** Description of what is wrong. An unknown status is the only value of the payload that it quotes. */
  readonly detail: string;
  /** Session id; null if the payload has no valid one. */
  readonly sessionId: string | null;
  /** Broken constraints by field; only of an invalid payload. */
  readonly violations?: Record<string, string[]>;
}

/** Valid payload, or a rejection. The rejection keeps the payload if only its status or its data is refused. */
export type ValidationResult =
  | { readonly payload: VerificationPayload; readonly rejection?: undefined }
  | { readonly payload?: VerificationPayload; readonly rejection: ContractRejection };

/** Authentic POST: its tenant, its text as it came, and the outcome of its validation. */
export type ReceivedWebhook = ValidationResult & { readonly tenant: string; readonly rawBody: string };

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

/** Validates a parsed body: first by the contract, then by the class that the host declares for its platform. */
export function validatePayload(dataValidator: ExtractedDataValidator, parsed: unknown): ValidationResult {
  const result = validateContract(parsed);
  if (result.rejection) return result;
  const { payload } = result;
  const detail = dataValidator.validate(payload);
  if (detail === undefined) return result;
  return { payload, rejection: { reason: 'unexpected-data', detail, sessionId: payload.sessionId } };
}

const isValid = compileValidator(VerificationPayload);

/** Validates a parsed body by the provider's contract alone. */
export function validateContract(parsed: unknown): ValidationResult {
  const payload = pickDocumented(parsed as Record<string, unknown>);
  if (!isValid(payload)) return { rejection: invalid(payload) };
  if (isVerificationStatus(payload.status)) return { payload };
  const { status, sessionId } = payload;
  return { payload, rejection: { reason: 'unknown-status', detail: toSingleLine(status), sessionId } };
}

function invalid(payload: VerificationPayload): ContractRejection {
  const errors = validateSync(payload, { stopAtFirstError: true });
  const violations = Object.fromEntries(
    errors.map(({ property, constraints = {} }) => [property, Object.values(constraints)]),
  );
  const sessionId = violations.sessionId ? null : payload.sessionId;
  return { reason: 'invalid', detail: JSON.stringify(violations), sessionId, violations };
}

function pickDocumented(body: Record<string, unknown>): VerificationPayload {
  const payload = new VerificationPayload();
  for (const field of payloadFields) (payload as object as Record<string, unknown>)[field] = body[field] ?? null;
  return payload;
}
