import { Injectable } from '@nestjs/common';
import { validateContract } from '../contract/payload-validation.js';
import { parseRawBody } from '../contract/raw-body.js';
import type { ColumnValues } from '../database/dialect/dialect.js';
import { contentColumns } from '../inbox/content.columns.js';
import { fingerprint, sha256 } from '../inbox/delivery.identity.js';
import { rejectionReferenceKey, dataSubjectOf } from '../inbox/rejection.subject.js';
import {
  keyIdOf,
  PayloadCodec,
  runErrorPlace,
  SEAL_MARK,
  type OpenedText,
  type TextPlace,
} from '../inbox/payload.codec.js';
import type { DeliveryContents, RejectionContents, RunError } from './reseal.repository.js';

/** Columns of contents under the current key, `undefined` if they do not open: what cannot be read is not written. */
@Injectable()
export class ResealedColumns {
  constructor(private readonly codec: PayloadCodec) {}

  /** Resolves to whether contents of a tenant can be written: false without its key. One tenant holds up no other. */
  async isReady(tenant: string): Promise<boolean> {
    try {
      await this.codec.prepare(tenant);
      return true;
    } catch {
      return false;
    }
  }

  async ofDelivery(row: DeliveryContents): Promise<ColumnValues | undefined> {
    const { id, tenant, keyId } = row;
    if (row.rawBody === '') return this.ofEmpty(row);
    const place = { column: 'delivery.raw_body', row: id, tenant } as const;
    const rawBody = await this.open(row.rawBody, place);
    // Its key may have left the cache meanwhile.
    if (rawBody === undefined || !(await this.isReady(tenant))) return undefined;
    const next = this.codec.currentKeyId(tenant);
    if (keyId !== null && next !== null) return { raw_body: this.codec.encode(rawBody, place), key_id: next };
    // Between plain and sealed. What a sealed row was derived from is in its body.
    if (keyId === null) return contentColumns(this.codec, { ...row, rawBody });
    const { payload } = validateContract(parseRawBody(rawBody));
    if (!payload) return undefined;
    const { externalReferenceId } = payload;
    return contentColumns(this.codec, { id, tenant, rawBody, fingerprint: fingerprint(payload), externalReferenceId });
  }

  async ofRejection(row: RejectionContents): Promise<ColumnValues | undefined> {
    const { id, tenant, keyId, reason } = row;
    const bodyPlace = { column: 'rejection.raw_body', row: id, tenant } as const;
    const detailPlace = { column: 'rejection.detail', row: id, tenant } as const;
    const rawBody = await this.open(row.rawBody, bodyPlace);
    const detail = await this.open(row.detail, detailPlace);
    if (rawBody === undefined || detail === undefined || !(await this.isReady(tenant))) return undefined;
    const next = this.codec.currentKeyId(tenant);
    const { externalReferenceId: reference } = dataSubjectOf(rawBody);
    const contents = {
      raw_body: this.codec.encode(rawBody, bodyPlace),
      detail: this.codec.encode(detail, detailPlace),
      reference_key: reference === null ? null : rejectionReferenceKey(this.codec, tenant, reference),
      key_id: next,
    };
    if (next === null) return { ...contents, fingerprint: sha256([reason, tenant, rawBody].join('\0')) };
    if (keyId !== null) return contents;
    return { ...contents, fingerprint: this.codec.keyedHash(tenant, 'rejection', row.fingerprint) ?? row.fingerprint };
  }

  async ofRunError({ deliveryId, handler, tenant, lastError }: RunError): Promise<string | undefined> {
    const place = runErrorPlace(deliveryId, handler, tenant);
    const opened = await this.open(lastError, place);
    return opened === undefined || !(await this.isReady(tenant)) ? undefined : this.codec.encode(opened, place);
  }

  /** Tells whether a text is stored under another key than the current one. */
  isOutdated(stored: string, tenant: string): boolean {
    return (stored.startsWith(SEAL_MARK) ? keyIdOf(stored) : null) !== this.codec.currentKeyId(tenant);
  }

  /** A delivery without contents has only what is found by them. key_id = '': the contents are gone, but the hashes are keyed. */
  private ofEmpty(row: DeliveryContents): ColumnValues | undefined {
    if (this.codec.currentKeyId(row.tenant) === null || row.keyId !== null) return undefined;
    return { ...contentColumns(this.codec, row), raw_body: '', key_id: '' };
  }

  private async open(stored: string, place: TextPlace): Promise<string | undefined> {
    const opened: OpenedText = await this.codec.decode(stored, place);
    return opened.contents === 'readable' ? opened.text : undefined;
  }
}
