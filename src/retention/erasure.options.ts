import { boolean, fields, invalid, kind, text, textUpTo, whole, type Check } from '../option.checks.js';
import type { ErasureKind } from '../inbox/erasure.entity.js';
import { isRecordId } from '../inbox/record.id.js';

/** Longest texts of a record. */
const MAX_TEXT_LENGTH = 500;
const HASH = /^[\da-f]{64}$/;

/**
 * What is to be erased: a session, all sessions with a reference, a tenant, or a single rejection.
 *
 * - `sessionId`: the session, and that it is never recorded from now on, also if it has not arrived yet.
 * - `externalReferenceId`: all sessions with this reference that have arrived. Later ones are new.
 * - `tenant` alone: everything of the tenant that has arrived. Take away its secrets first.
 * - `rejectionId`: this rejection, and nothing else of its session.
 *
 * `tenant` beside a session or a reference is the tenant of it, none if it is left out.
 *
 * @publicApi
 */
export type ErasureSubject =
  | {
      /** Session, of one tenant. */
      sessionId: string;
      /** Its tenant. @default no tenant */
      tenant?: string;
    }
  | {
      /** Reference, exactly, of one tenant. */
      externalReferenceId: string;
      /** Its tenant. @default no tenant */
      tenant?: string;
    }
  | {
      /** Tenant of which everything is erased. */
      tenant: string;
    }
  | {
      /** Id of one rejection. */
      rejectionId: string;
    };

/**
 * Options of `erase()`.
 *
 * @publicApi
 */
export interface EraseOptions {
  /** Why it is erased, for the record: up to 500 characters, without names of persons. */
  reason?: string;
  /** Who has asked for it, for the record: up to 500 characters, a ticket for example. */
  requestedBy?: string;
  /**
   * Milliseconds that a delivery in progress has to finish. Its handlers are then aborted.
   * @default 60000
   */
  wait?: number;
  /**
   * Destroys the keys of the tenant as well, by the `destroy` of the `KeyProvider`. Only with a tenant. @default false
   */
  shred?: boolean;
  /** Counts what would be erased, and erases nothing. @default false */
  dryRun?: boolean;
}

const tenant: Check = (value, name) => {
  if (typeof value !== 'string') throw invalid(`Option "${name}" must be a string, not ${kind(value)}.`);
};

const id: Check = (value, name) => {
  if (!isRecordId(value)) throw invalid(`Option "${name}" must be an id, as lists show it.`);
};

const hash: Check = (value, name) => {
  if (typeof value !== 'string' || !HASH.test(value))
    throw invalid(`Option "${name}" must be the key of a session, as the record of an erasure has it.`);
};

const note = textUpTo(MAX_TEXT_LENGTH);

const subjectFields = fields({ sessionId: text, externalReferenceId: text, tenant, rejectionId: id });
const wait = whole(0);

export const checkEraseOptions = fields({ reason: note, requestedBy: note, wait, shred: boolean, dryRun: boolean });
export const checkReapplyOptions = fields({ wait });
export const checkSessionKey = hash;
export const checkRecordId = id;
export const checkNote = note;

/**
 * Returns what kind of subject it is.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when it is none, or more than one
 */
export function kindOf(subject: ErasureSubject): ErasureKind {
  subjectFields(subject, '');
  const { sessionId, externalReferenceId, rejectionId, tenant: name } = subject as Record<string, unknown>;
  const named = [sessionId, externalReferenceId, rejectionId].filter((one) => one !== undefined).length;
  if (named > 1 || (named === 0 && name === undefined) || (rejectionId !== undefined && name !== undefined)) {
    throw invalid(
      'Name one thing to erase: { sessionId }, { externalReferenceId }, { tenant } or { rejectionId }. The first two may have a tenant beside them.',
    );
  }
  if (named === 0 && name === '')
    throw invalid(
      'Option "tenant" is empty, which is everything without a tenant. Name a tenant, or erase by session.',
    );
  if (sessionId !== undefined) return 'session';
  if (externalReferenceId !== undefined) return 'reference';
  return rejectionId === undefined ? 'tenant' : 'rejection';
}
