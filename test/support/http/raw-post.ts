import { request as httpRequest } from 'node:http';
import { SECRET, withoutCanaries } from '../app/canaries.js';
import type { Answer } from '../app/webhook-app.js';

/** A POST of which every byte counts. */
export interface RawPost {
  readonly content: string | Buffer;
  /** The only headers beside `Host`, in this order, as often as they stand here. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Sent in chunks, without saying how long it is. */
  readonly chunked?: boolean;
  readonly path?: string;
  readonly method?: string;
}

export const JSON_TYPE = ['Content-Type', 'application/json'] as const;
export const WITH_SECRET = ['X-API-Key', SECRET] as const;

export function rawPost(
  url: string,
  { content, headers = [WITH_SECRET, JSON_TYPE], chunked, path = '/webhook/cr3dentials', method = 'POST' }: RawPost,
): Promise<Answer> {
  const length: [string, string] = chunked
    ? ['Transfer-Encoding', 'chunked']
    : ['Content-Length', String(Buffer.byteLength(content))];
  const { host } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = httpRequest(url + path, { method, headers: [['Host', host], ...headers, length].flat() });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve(
          withoutCanaries({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString(),
            headers: response.headers,
          }),
        ),
      );
    });
    request.end(content);
  });
}

/** What a sender can tell of an answer. */
export function said({ status, body, headers }: Answer): { status: number; body: string; type: unknown } {
  return { status, body, type: headers['content-type'] };
}
