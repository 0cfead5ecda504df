import type { VerificationStatus } from '../contract/verification-status.js';
import type { VerificationHandlersRegistry } from '../processing/handlers/verification-handlers.registry.js';

/** Handler as an instance publishes it. */
export interface PublishedHandler {
  readonly id: string;
  readonly statuses: readonly VerificationStatus[];
  readonly isTransactional: boolean;
}

/** Returns the handlers that are subscribed on this instance, or whose runs it gives to a queue. */
export function ownHandlers({ all, byStatus }: VerificationHandlersRegistry): PublishedHandler[] {
  const subscribed = all.map(({ id, statuses, transactional }) => {
    return { id, statuses: [...statuses], isTransactional: transactional };
  });
  const known = new Set(subscribed.map(({ id }) => id));
  const others = new Map<string, VerificationStatus[]>();
  for (const [status, ids] of byStatus)
    for (const id of ids) if (!known.has(id)) others.set(id, [...(others.get(id) ?? []), status]);
  return [...subscribed, ...[...others].map(([id, statuses]) => ({ id, statuses, isTransactional: false }))];
}
