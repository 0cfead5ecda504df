import { validatePayload, type ContractRejection } from '../contract/payload-validation.js';
import type { ExtractedDataValidator } from '../contract/extracted-data.validator.js';
import { fingerprint } from '../inbox/delivery.identity.js';

/** Content of a payload that fits the contract. */
export interface PayloadContent {
  readonly sessionId: string;
  readonly fingerprint: string;
  /** Reason of a rejection that is answered 200; null when the payload becomes a delivery. */
  readonly rejection: ContractRejection['reason'] | null;
}

/** Validates a payload as the module does. Returns undefined for an invalid one. */
export function contentOf(payload: object | string, dataValidator: ExtractedDataValidator): PayloadContent | undefined {
  const parsed = parse(typeof payload === 'string' ? payload : JSON.stringify(payload));
  if (parsed === null || typeof parsed !== 'object') return undefined;
  const result = validatePayload(dataValidator, parsed);
  const { payload: content, rejection } = result;
  if (!content) return undefined;
  return { sessionId: content.sessionId, fingerprint: fingerprint(content), rejection: rejection?.reason ?? null };
}

/**
 * Returns the session of a payload that may be against the contract, as a rejection has it; null without a usable one.
 */
export function sessionIdOf(payload: object | string): string | null {
  const parsed = typeof payload === 'string' ? parse(payload) : payload;
  const { sessionId } = Object(parsed) as { sessionId?: unknown };
  return typeof sessionId === 'string' && sessionId.length > 0 && sessionId.length <= 512 ? sessionId : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
