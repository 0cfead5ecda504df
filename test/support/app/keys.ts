import type { EncryptionOptions } from 'nestjs-cr3dentials-webhook';
import { createHash } from 'node:crypto';
import type { WebhookAppBuilder } from './webhook-app.js';

/** Returns the key of an id, the same each time. */
export function keyOf(id: string): { id: string; value: Buffer } {
  return { id, value: createHash('sha256').update(`the key ${id}`).digest() };
}

/** Sets the keys of an app; the first of them seals unless another is named. */
export function sealedWith(
  ids: readonly string[],
  more: { current?: string | null; plaintext?: 'accept' | 'refuse' } = {},
): (app: WebhookAppBuilder) => WebhookAppBuilder {
  const { current = ids[0] ?? null, ...rest } = more;
  const encryption: EncryptionOptions = { keys: ids.map(keyOf), current, ...rest };
  return (app) => app.withOptions({ encryption });
}

/** Leaves encryption out, with `TEST_ENCRYPTION=on` too: for specs that look into the columns of contents, or fill them. */
export function inPlainText(app: WebhookAppBuilder): WebhookAppBuilder {
  return app.withOptions({ encryption: undefined });
}
