import { randomUUID } from 'node:crypto';
import { AGENT, HOLDER } from './canaries.js';

/** The provider's documented sample, with a session of its own and canaries for the person. */
export function payload(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    sessionId: randomUUID(),
    status: 'COMPLETED',
    platformId: 1,
    externalReferenceId: 'user_abc123',
    extractedData: { accountHolder: HOLDER, accountType: 'checking' },
    proofHash: '9f2c…',
    completedAt: '2025-03-24T12:05:00.000Z',
    metadata: { agent: AGENT },
    ...overrides,
  };
}
