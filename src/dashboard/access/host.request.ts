import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** Fields that the requests of Express and Fastify have in common. */
export interface HostRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  /** Path and query as they came; Express only. */
  readonly originalUrl?: string;
  /** Address of the client, by the host's rule of which proxies to believe. */
  readonly ip?: string;
  readonly params: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Node's own request on Fastify. On Express, the request itself is Node's. */
  readonly raw?: IncomingMessage;
}

export function nodeRequestOf(request: HostRequest): IncomingMessage {
  return request.raw ?? (request as unknown as IncomingMessage);
}

export function nodeResponseOf(response: unknown): ServerResponse {
  return (response as { readonly raw?: ServerResponse }).raw ?? (response as ServerResponse);
}

/** Returns the address of the other end of the connection, whatever a proxy says. */
export function socketAddressOf(request: HostRequest): string {
  return nodeRequestOf(request).socket?.remoteAddress ?? '';
}

export function addressOf(request: HostRequest): string {
  return request.ip ?? socketAddressOf(request);
}

export function queryOf({ originalUrl, url }: HostRequest): URLSearchParams {
  const address = originalUrl ?? url;
  const at = address.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : address.slice(at + 1));
}
