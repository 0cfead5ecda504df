import { understand } from '../contract/payload-validation.pipe.js';
import { fingerprint } from '../inbox/identity.js';

/** What the contract makes of a payload. */
export interface PayloadContent {
  readonly sessionId: string;
  /** Null when its status is unknown: it becomes no delivery. */
  readonly fingerprint: string | null;
}

/** Nothing when the module will not understand it either. */
export function contentOf(payload: object | string): PayloadContent | undefined {
  const parsed = parse(typeof payload === 'string' ? payload : JSON.stringify(payload));
  if (parsed === null || typeof parsed !== 'object') return undefined;
  const understanding = understand(parsed);
  if (understanding.understood === 'no') return undefined;
  const { sessionId } = understanding.payload;
  return { sessionId, fingerprint: understanding.understood === 'yes' ? fingerprint(understanding.payload) : null };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
