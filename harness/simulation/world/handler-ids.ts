import type { Version } from './settings.js';

export type HandlerId = 'notify' | 'ledger' | 'points';

/** The handlers of each version of the app. All are subscribed to completed sessions. */
export const handlerIds: Record<Version, readonly HandlerId[]> = {
  old: ['notify', 'ledger'],
  new: ['notify', 'ledger', 'points'],
};

/** Tells whether a handler writes in the transaction that it is given. */
export function isTransactional(id: HandlerId): boolean {
  return id !== 'notify';
}
