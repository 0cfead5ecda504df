import type { ErasureKind, ErasureState } from '../inbox/erasure.entity.js';

/**
 * An erasure: what was asked for, and what was done. It names sessions by their idempotency keys, and has no session
 * id, no reference and no content. Keep it outside the database: after a restore of an older backup,
 * `erasures.reapply()` erases again what it names. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface Erasure {
  /** Id of the record; null of a dry run. */
  readonly id: string | null;
  /** What was asked to be erased. */
  readonly kind: ErasureKind;
  /** Tenant of it, empty without tenants; null of a rejection. */
  readonly tenant: string | null;
  /** Idempotency keys of the sessions: SHA-256 of tenant and session id. None of a tenant. */
  readonly sessionKeys: readonly string[];
  /** Ids of rejections that are found by no session. */
  readonly rejectionIds: readonly string[];
  /** Why it was erased. */
  readonly reason: string | null;
  /** Who has asked for it. */
  readonly requestedBy: string | null;
  /** True if the keys of the tenant are destroyed as well. */
  readonly shred: boolean;
  /** How far it is. */
  readonly state: ErasureState;
  /** Number of deliveries that were erased. */
  readonly deliveries: number;
  /** Number of rejections that were erased. */
  readonly rejections: number;
  /** Number of erased deliveries that some handler had not completed. */
  readonly unprocessed: number;
  /** Number of the deliveries that were erased while handlers ran. */
  readonly interrupted: number;
  /**
   * Ids of keys that were missing to search by the reference, or the tenant that has none. **If there is one, the
   * erasure is not complete**: what is sealed was not searched.
   */
  readonly unsearchable: readonly string[];
  /** Time when it was asked for. */
  readonly requestedAt: number;
  /** Time when everything was erased; null until then. */
  readonly finishedAt: number | null;
  /**
   * Time from which an instance erases what was being written meanwhile, or goes on with what is not finished; null of
   * a dry run.
   */
  readonly sweepAfter: number | null;
  /** Time when that was done; null until then. */
  readonly sweptAt: number | null;
}

/** An erasure that has a record. */
export type ErasureRecord = Erasure & {
  readonly id: string;
  readonly sweepAfter: number;
  readonly state: Exclude<ErasureState, 'preview'>;
};

/** What an erasure is to find. */
export type ErasureTarget = Pick<Erasure, 'kind' | 'tenant' | 'sessionKeys' | 'rejectionIds' | 'requestedAt'>;
