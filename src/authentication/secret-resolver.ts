import type { IncomingHttpHeaders } from 'node:http';
import type { SharedSecret } from './shared-secrets.js';

/**
 * Part of a request that a resolver sees, the same on Express and Fastify. The body is left out, because the sender is
 * not authenticated yet.
 *
 * @publicApi
 */
export interface UnauthenticatedRequest {
  /** The request's headers, their names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** The route's parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** The query, as the platform parses it. */
  readonly query: unknown;
  /** The path and the query, as they were sent. */
  readonly url: string;
}

/**
 * Secrets of the tenant that a request is for.
 *
 * @publicApi
 */
export interface ResolvedSecrets {
  /**
   * Name of the tenant, up to 255 characters. It is part of the idempotency key, so two tenants may have the same
   * session id. @default no tenant
   */
  tenant?: string;
  /** The secrets that are accepted for this tenant. */
  secrets: readonly SharedSecret[];
}

/**
 * Finds the secrets for a request, for example by a route parameter. If it returns `null` or `undefined`, the sender is
 * answered 401. If it throws or takes longer than `receiving.ackTimeout`, the sender is answered 503 and tries again.
 *
 * @publicApi
 */
export type SecretResolver = (
  request: UnauthenticatedRequest,
) => ResolvedSecrets | null | undefined | Promise<ResolvedSecrets | null | undefined>;
