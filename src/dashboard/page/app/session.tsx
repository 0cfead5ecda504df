import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Permission, Session } from '../../api/contract.js';

const SessionContext = createContext<Session | null>(null);

export const SessionProvider = SessionContext.Provider;

/** Returns who is signed in. Pages are shown only once that is known. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('There is no session yet');
  return session;
}

/** Returns whether filters have to name a tenant before a bulk operation can be of them: it is of one. */
export function useTenantMissing(filters: URLSearchParams): boolean {
  const { tenants } = useSession();
  return tenants !== null && tenants.length > 1 && !filters.get('tenant');
}

/** Returns the milliseconds that are at least between two polls; 0 while that is not known. */
export function useLeastRefresh(): number {
  return useContext(SessionContext)?.refresh ?? 0;
}

/** Returns whether the operator may do something. The server decides; this only says what to offer. */
export function useCan(): (permission: Permission) => boolean {
  const { permissions } = useSession();
  return (permission) => permissions.includes(permission);
}
