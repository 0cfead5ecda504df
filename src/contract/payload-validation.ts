import { validateSync } from 'class-validator';
import { toSingleLine } from '../instrumentation/single-line.js';
import type { ExtractedDataValidator } from './extracted-data.validator.js';
import { compileValidator } from './compiled.validator.js';
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
