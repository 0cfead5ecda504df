import { Injectable } from '@nestjs/common';
import { idempotencyKey } from '../inbox/delivery.identity.js';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { plainReferenceKey } from '../inbox/rejection.subject.js';
import { ErasureQueries, type ReferenceKeys } from './erasure.queries.js';
import { kindOf, type ErasureSubject } from './erasure.options.js';
import type { ErasureTarget } from './erasure.js';

/** What an erasure is to find, and what could not be searched for it. */
export type FoundTarget = ErasureTarget & { readonly unsearchable: readonly string[] };

/** Finds the sessions and rejections that a subject is. */
@Injectable()
export class ErasureTargets {
  constructor(
    private readonly queries: ErasureQueries,
    private readonly codec: PayloadCodec,
  ) {}

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the subject is none */
  async of(subject: ErasureSubject, requestedAt: number): Promise<FoundTarget> {
    const kind = kindOf(subject);
    const nothing = { kind, sessionKeys: [], rejectionIds: [], unsearchable: [], requestedAt };
    if ('rejectionId' in subject) return { ...nothing, tenant: null, rejectionIds: [subject.rejectionId] };
    const { tenant = '' } = subject;
    if ('sessionId' in subject) return { ...nothing, tenant, sessionKeys: [idempotencyKey(tenant, subject.sessionId)] };
    if (!('externalReferenceId' in subject)) return { ...nothing, tenant };
    return { ...nothing, tenant, ...(await this.withReference(tenant, subject.externalReferenceId, requestedAt)) };
  }

  /** A session that only a rejection names is erased as well: its repetition is not to be kept. */
  private async withReference(tenant: string, reference: string, until: number) {
    const { unsearchable, ...reachable } = await this.keysOf(tenant, reference);
    const sessions = await this.queries.sessionsWith(reachable, until);
    const rejections = await this.queries.rejectionsWith(reachable);
    const named = rejections.flatMap(({ sessionKey }) => sessionKey ?? []);
    const onlyRejected = await this.queries.withoutDelivery(named);
    const sessionKeys = [...new Set([...sessions, ...onlyRejected])];
    return { sessionKeys, rejectionIds: rejections.map(({ id }) => id), unsearchable };
  }

  private async keysOf(tenant: string, reference: string): Promise<ReferenceKeys & { unsearchable: string[] }> {
    const plain = plainReferenceKey(tenant, reference);
    const keyed = await this.keyed(tenant, reference);
    if (keyed !== undefined) return { tenant, reference, keys: [plain, keyed], unsearchable: [] };
    const isHidden = await this.queries.hasKeyedReferences(tenant);
    const ids = isHidden ? await this.queries.keyIds(tenant) : [];
    return { tenant, reference, keys: [plain], unsearchable: isHidden && ids.length === 0 ? [tenant] : ids };
  }

  private async keyed(tenant: string, reference: string): Promise<string | undefined> {
    if (!this.codec.isKeyed) return undefined;
    try {
      await this.codec.prepareLookup(tenant);
    } catch {
      return undefined; // without its key
    }
    return this.codec.keyedHash(tenant, 'reference', reference);
  }
}
