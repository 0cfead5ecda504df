import type { IncomingHttpHeaders } from 'node:http';
import type { SharedSecret } from './shared-secrets.js';

/**
 * What a resolver sees of a request, alike on Express and Fastify. The body is not to be trusted yet.
 *
 * @publicApi
 */
export interface UnauthenticatedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
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
  secrets: readonly SharedSecret[];
}

/**
 * Finds the secrets for a request, for example by a route parameter. Nothing means that nobody is known there (401).
 * When it throws or takes longer than `ackTimeout`, the sender is answered 503 and tries again.
 *
 * @publicApi
 */
export type SecretResolver = (
  request: UnauthenticatedRequest,
) => ResolvedSecrets | null | undefined | Promise<ResolvedSecrets | null | undefined>;
