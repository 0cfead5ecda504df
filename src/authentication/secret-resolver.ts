import type { IncomingHttpHeaders } from 'node:http';
import type { SharedSecret } from './shared-secrets.js';

/**
 * What a resolver sees of a request, alike on Express and Fastify. The body is not to be trusted yet.
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
 * The secrets of the tenant a request is for.
 *
 * @publicApi
 */
export interface ResolvedSecrets {
  /** Part of the idempotency key: two tenants may have the same session id. @default no tenant */
  tenant?: string;
  /** The secrets that are accepted for this tenant. */
  secrets: readonly SharedSecret[];
}

/**
 * Finds the secrets for a request, for example by a route parameter. Nothing means that nobody is known there (401).
 * When it throws or takes longer than `receiving.ackTimeout`, the sender is answered 503 and tries again.
 *
 * @publicApi
 */
export type SecretResolver = (
  request: UnauthenticatedRequest,
) => ResolvedSecrets | null | undefined | Promise<ResolvedSecrets | null | undefined>;
