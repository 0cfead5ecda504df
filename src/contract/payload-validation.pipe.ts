import { Injectable, type PipeTransform } from '@nestjs/common';
import { validateSync } from 'class-validator';
import { TENANT, type WebhookRequest } from '../webhook-request.js';
import { payloadFields, VerificationPayload } from './verification.payload.js';
import { isVerificationStatus } from './verification-status.js';

/** What the contract says of a body; an expected outcome whichever it is. */
export type Understanding =
  | { understood: 'yes'; payload: VerificationPayload }
  | { understood: 'unknown-status'; payload: VerificationPayload }
  | { understood: 'no'; sessionId: string | null; violations: Record<string, string[]> };

/** An authentic POST, understood or not. */
export type Contracted = Understanding & { tenant: string; body: string };

/** Do we understand it? */
@Injectable()
export class PayloadValidationPipe implements PipeTransform<WebhookRequest, Contracted> {
  transform({ body, rawBody, [TENANT]: tenant = '' }: WebhookRequest): Contracted {
    // As it was sent, byte for byte, where the host keeps the raw body: numbers lose digits when parsed.
    return { tenant, body: rawBody?.toString('utf8') ?? JSON.stringify(body), ...understand(body) };
  }
}

export function understand(parsed: unknown): Understanding {
  const payload = pickDocumented(parsed as Record<string, unknown>);
  const errors = validateSync(payload, { forbidUnknownValues: true, stopAtFirstError: true });
  if (errors.length > 0) {
    const violations = Object.fromEntries(
      errors.map(({ property, constraints = {} }) => [property, Object.values(constraints)]),
    );
    return { understood: 'no', violations, sessionId: violations.sessionId ? null : payload.sessionId };
  }
  return { understood: isVerificationStatus(payload.status) ? 'yes' : 'unknown-status', payload };
}

function pickDocumented(body: Record<string, unknown>): VerificationPayload {
  const payload: Record<string, unknown> = {};
  for (const field of payloadFields) payload[field] = body[field] ?? null;
  return Object.assign(new VerificationPayload(), payload);
}
