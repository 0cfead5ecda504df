import type { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import type { DeliveryDetails } from '../operations/delivery.view.js';
import { UsageError } from './usage.error.js';

/** Deliveries of one reference that are named. */
const MAX_NAMED = 20;

/**
 * Finds a delivery by its id, its session, or its reference if no other has that.
 *
 * @throws UsageError
 */
export async function findDelivery(
  inbox: Cr3dentialsWebhookInbox,
  key: string,
  tenant: string | undefined,
): Promise<DeliveryDetails> {
  const ofTenant = tenant !== undefined && { tenant };
  const found = (await inbox.find(key)) ?? (await inbox.find({ sessionId: key, ...ofTenant }));
  if (found) return found;
  const referring = await inbox.list({ externalReferenceId: key, limit: MAX_NAMED, ...ofTenant });
  const [only] = referring;
  if (only && referring.length > 1)
    throw new UsageError(
      `Several deliveries have this reference. Name one: ${referring.map(({ id }) => id).join(' ')}`,
    );
  const referred = only && (await inbox.find(only.id));
  if (referred) return referred;
  throw new UsageError(
    'No delivery has this id, session or reference. A session of a tenant needs --tenant, and a sealed reference is not found here.',
  );
}
