import { understandWith } from '../contract/payload-validation.pipe.js';
import type { PlatformData } from '../contract/platform-data.js';
import { fingerprint } from '../inbox/identity.js';

/** What the contract makes of a payload. */
export interface PayloadContent {
  readonly sessionId: string;
  readonly fingerprint: string;
  /** Why it becomes no delivery although it is answered 200. */
  readonly rejection: 'unknown-status' | 'unexpected-data' | null;
}

/** Nothing when the module will not understand it either. */
export function contentOf(payload: object | string, platforms: PlatformData): PayloadContent | undefined {
  const parsed = parse(typeof payload === 'string' ? payload : JSON.stringify(payload));
  if (parsed === null || typeof parsed !== 'object') return undefined;
  const understanding = understandWith(platforms, parsed);
  if (understanding.understood === 'no') return undefined;
  const { understood, payload: content } = understanding;
  const rejection = understood === 'yes' ? null : understood;
  return { sessionId: content.sessionId, fingerprint: fingerprint(content), rejection };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
