import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** What Express and Fastify requests have in common. */
export interface WebhookRequest {
  readonly method: string;
  /** Express only: the path without the query. */
  readonly path?: string;
  readonly headers: IncomingHttpHeaders;
  readonly params: Record<string, string>;
  readonly query: unknown;
  readonly url: string;
  body?: unknown;
  /** The bytes of the body, where the host was created with `rawBody: true`. */
  rawBody?: Buffer;
  /** Fastify keeps Node's own request here; Express's request is Node's own. */
  readonly raw?: IncomingMessage;
  readonly rawHeaders?: string[];
  /** Who the request was authenticated for; written by the guard. */
  [TENANT]?: string;
  /** When finding its secrets began, by `performance.now()`: that takes from its `ackTimeout`. */
  [ARRIVED_AT]?: number;
}

// Symbols, so that no host's property is met.
export const TENANT = Symbol('cr3dentials-webhook tenant');
export const ARRIVED_AT = Symbol('cr3dentials-webhook arrived at');

/** How often the header was sent: Node joins or drops repetitions in `headers`. */
export function timesSent({ raw, rawHeaders = raw?.rawHeaders ?? [] }: WebhookRequest, header: string): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === header).length;
}
