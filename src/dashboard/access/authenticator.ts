import type { HostRequest } from './host.request.js';
import type { Operator } from './operator.js';

/** Names who is behind a request. */
export interface Authenticator {
  /** @throws DashboardException 401, 403 or 429 */
  authenticate(request: HostRequest): Operator | Promise<Operator>;
}
