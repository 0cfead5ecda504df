import { validatePayload, type ContractRejection } from '../contract/payload-validation.pipe.js';
import type { ExtractedDataValidator } from '../contract/extracted-data.validator.js';
import { fingerprint } from '../inbox/delivery.identity.js';

/** What the contract makes of a payload. */
export interface PayloadContent {
  readonly sessionId: string;
  readonly fingerprint: string;
  /** Why it becomes no delivery although it is answered 200. */
  readonly rejection: ContractRejection['reason'] | null;
}

/** Nothing when the module will not understand it either. */
export function contentOf(payload: object | string, dataValidator: ExtractedDataValidator): PayloadContent | undefined {
  const parsed = parse(typeof payload === 'string' ? payload : JSON.stringify(payload));
  if (parsed === null || typeof parsed !== 'object') return undefined;
  const result = validatePayload(dataValidator, parsed);
  const { payload: content, rejection } = result;
  if (!content) return undefined;
  return { sessionId: content.sessionId, fingerprint: fingerprint(content), rejection: rejection?.reason ?? null };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
