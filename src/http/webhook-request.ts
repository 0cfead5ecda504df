import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

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
  /** True while this module works on it: whoever waits for the answer does not wait for the host. */
  [IN_MODULE]?: boolean;
}

// Symbols, so that they never collide with a property of the host.
export const TENANT = Symbol('cr3dentials-webhook tenant');
export const ARRIVED_AT = Symbol('cr3dentials-webhook arrived at');
export const IN_MODULE = Symbol('cr3dentials-webhook in module');

/**
 * Closes the connection, or the stream of HTTP/2, once the answer has been sent. Does not wait for the rest of the
 * body.
 */
export function closeOnceAnswered(request: IncomingMessage, response: ServerResponse): void {
  const { stream } = response as { stream?: { close(): void } };
  response.once('finish', () => (stream ? stream.close() : request.destroy()));
}

/** Returns the size of the body as it was sent, in bytes. */
export function bodyBytes({ headers, rawBody, body }: WebhookRequest): number {
  const length = Number(headers['content-length'] ?? rawBody?.length);
  return Number.isNaN(length) ? Buffer.byteLength(JSON.stringify(body)) : length;
}

/**
 * Tells whether a header was sent more than once. Node joins or drops repetitions in `headers`. Some adapters, such as
 * `serverless-http`, leave `rawHeaders` empty: nothing is known then.
 */
export function isRepeated({ raw, rawHeaders = raw?.rawHeaders ?? [] }: WebhookRequest, header: string): boolean {
  let times = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]?.toLowerCase() === header) times++;
  return times > 1;
}
