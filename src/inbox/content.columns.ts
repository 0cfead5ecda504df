import type { ColumnValues } from '../database/dialect/dialect.js';
import type { Delivery } from './delivery.entity.js';
import type { PayloadCodec } from './payload.codec.js';

/** Contents of a delivery, and what is found by them. */
type Contents = Pick<Delivery, 'id' | 'tenant' | 'rawBody' | 'fingerprint'> & {
  readonly externalReferenceId: string | null;
};

/**
 * Returns the columns that hold the contents of a delivery, or are derived from them.
 *
 * @throws Cr3dentialsWebhookError `KEYS_UNAVAILABLE`
 */
export function contentColumns(codec: PayloadCodec, contents: Contents): ColumnValues {
  const { id, tenant, rawBody, fingerprint, externalReferenceId } = contents;
  const raw_body = codec.encode(rawBody, { column: 'delivery.raw_body', row: id, tenant });
  const key_id = codec.currentKeyId(tenant);
  if (key_id === null)
    return { external_reference_id: externalReferenceId, raw_body, fingerprint, reference_key: null, key_id };
  return {
    external_reference_id: null,
    raw_body,
    fingerprint: codec.keyedHash(tenant, 'fingerprint', fingerprint) ?? fingerprint,
    reference_key: referenceKey(codec, tenant, externalReferenceId),
    key_id,
  };
}

/** Returns what stands in place of a reference in a sealed inbox. */
export function referenceKey(codec: PayloadCodec, tenant: string, reference: string | null): string | null {
  return reference === null ? null : (codec.keyedHash(tenant, 'reference', reference) ?? null);
}

/** Tells whether a stored fingerprint, plain or keyed, is that of a content. */
export function hasFingerprint(
  codec: PayloadCodec,
  stored: string,
  { tenant, fingerprint }: Pick<Delivery, 'tenant' | 'fingerprint'>,
): boolean {
  return stored === fingerprint || stored === codec.keyedHash(tenant, 'fingerprint', fingerprint);
}
