import { withoutStack } from '../cr3dentials-webhook.error.js';
import { PayloadCodec, PlainTextCodec } from '../inbox/payload.codec.js';
import type { Instrumentation } from '../instrumentation/instrumentation.js';
import type { EncryptionOptions, EncryptionSettings } from './encryption.options.js';
import { KeyCache } from './key.cache.js';
import type { EncryptionKey } from './key.provider.js';
import { KeyRing } from './key.ring.js';
import type { KeySource } from './key.source.js';
import type { LookupSecrets } from './lookup.secrets.js';
import { SealingCodec } from './sealing.codec.js';

/** Makes the source of the keys. The options must have been checked before. */
export function keySource(
  options: EncryptionOptions | undefined,
  { cache }: EncryptionSettings,
  instrumentation: Instrumentation,
): KeySource {
  if (!options) return new KeyRing([], null);
  if (options.keys) return new KeyRing(options.keys as readonly EncryptionKey[], options.current); // undefined has stopped the boot
  return new KeyCache(options.keyProvider, cache, (error) => instrumentation.announce('key-service-failed', { error }));
}

/**
 * Makes the codec of the inbox, and checks that the configured keys are those that it was sealed with. The keys of a
 * provider are asked for by the first POST: a key service that is down must not stop the rest of the host.
 *
 * @throws Cr3dentialsWebhookError `KEY_MISMATCH`, `KEYS_UNKNOWN`
 */
export async function openCodec(
  settings: EncryptionSettings,
  keys: KeySource,
  lookups: LookupSecrets,
): Promise<PayloadCodec> {
  if (!settings.isConfigured) return new PlainTextCodec();
  if (!keys.hasTenants) await withoutStack(() => lookups.load(''));
  return new SealingCodec(keys, lookups, settings);
}
