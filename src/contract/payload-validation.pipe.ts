import { Injectable, type PipeTransform } from '@nestjs/common';
import { validateSync } from 'class-validator';
import { TENANT, type WebhookRequest } from '../webhook-request.js';
import { complianceWith } from './compliance.js';
import { PlatformData } from './platform-data.js';
import { payloadFields, VerificationPayload } from './verification.payload.js';
import { isVerificationStatus } from './verification-status.js';

/** What the contract says of a body; an expected outcome whichever it is. */
export type Understanding =
  | { understood: 'yes'; payload: VerificationPayload }
  | { understood: 'unknown-status'; payload: VerificationPayload }
  | { understood: 'unexpected-data'; payload: VerificationPayload; mismatch: string }
  | { understood: 'no'; sessionId: string | null; violations: Record<string, string[]> };

/** An authentic POST, understood or not. */
export type Contracted = Understanding & { tenant: string; body: string };

/** Do we understand it? */
@Injectable()
export class PayloadValidationPipe implements PipeTransform<WebhookRequest, Contracted> {
  constructor(private readonly platforms: PlatformData) {}

  transform({ body, rawBody, [TENANT]: tenant = '' }: WebhookRequest): Contracted {
    // As it was sent, byte for byte, where the host keeps the raw body: numbers lose digits when parsed.
    return { tenant, body: rawBody?.toString('utf8') ?? JSON.stringify(body), ...understandWith(this.platforms, body) };
  }
}

/** Once the contract is kept, the data has to be as the host expects it. */
export function understandWith(platforms: PlatformData, parsed: unknown): Understanding {
  const understanding = understand(parsed);
  if (understanding.understood !== 'yes') return understanding;
  const mismatch = platforms.mismatchOf(understanding.payload);
  return mismatch === undefined ? understanding : { ...understanding, understood: 'unexpected-data', mismatch };
}

const isCompliant = complianceWith(VerificationPayload);

export function understand(parsed: unknown): Understanding {
  const payload = pickDocumented(parsed as Record<string, unknown>);
  if (isCompliant(payload))
    return { understood: isVerificationStatus(payload.status) ? 'yes' : 'unknown-status', payload };
  const errors = validateSync(payload, { stopAtFirstError: true });
  const violations = Object.fromEntries(
    errors.map(({ property, constraints = {} }) => [property, Object.values(constraints)]),
  );
  return { understood: 'no', violations, sessionId: violations.sessionId ? null : payload.sessionId };
}

function pickDocumented(body: Record<string, unknown>): VerificationPayload {
  const payload = new VerificationPayload();
  for (const field of payloadFields) (payload as object as Record<string, unknown>)[field] = body[field] ?? null;
  return payload;
}
