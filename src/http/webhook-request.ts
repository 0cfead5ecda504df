import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** Fields that Express and Fastify requests have in common. */
export interface WebhookRequest {
  readonly method: string;
  /** Path without the query; Express only. */
  readonly path?: string;
  readonly headers: IncomingHttpHeaders;
  readonly params: Record<string, string>;
  readonly query: unknown;
  readonly url: string;
  body?: unknown;
  /** Bytes of the body, if the host was created with `rawBody: true`. */
  rawBody?: Buffer;
  /** Node's own request on Fastify. On Express, the request itself is Node's. */
  readonly raw?: IncomingMessage;
  readonly rawHeaders?: string[];
  /** Tenant that the request was authenticated for. The guard sets it. */
  [TENANT]?: string;
  /** Time at which `resolveSecrets` was called, by `performance.now()`. `ackTimeout` counts from there. */
  [ARRIVED_AT]?: number;
}

// Symbols, so that they never collide with a property of the host.
export const TENANT = Symbol('cr3dentials-webhook tenant');
export const ARRIVED_AT = Symbol('cr3dentials-webhook arrived at');

/** Returns how many times a header was sent. Node joins or drops repetitions in `headers`. */
export function timesSent({ raw, rawHeaders = raw?.rawHeaders ?? [] }: WebhookRequest, header: string): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === header).length;
}
