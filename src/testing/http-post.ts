import { request as httpRequest, type Agent, type ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface HttpPost {
  readonly url: string;
  /** Headers by name. An array sends its header once for each value, where `fetch` would join the values. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
  readonly signal: AbortSignal;
  readonly agent?: Agent;
  /** Writes the body. @default the whole body at once */
  readonly write?: (request: ClientRequest, body: string) => Promise<void>;
  /** Closes the connection before the answer is read. @default false */
  readonly hangsUp?: boolean;
}

/**
 * Sends a POST with Node's own client, for requests that `fetch` cannot send. Resolves to the status code when the
 * answer is complete.
 */
export function httpPost({ url, headers, body, signal, agent, write, hangsUp = false }: HttpPost): Promise<number> {
  return new Promise((resolve, reject) => {
    const open = url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = open(url, { method: 'POST', headers: outgoing(headers, body), signal, agent });
    request.on('error', reject);
    request.on('response', (response) => {
      if (hangsUp) {
        request.destroy();
        reject(new Error('the connection was dropped before the answer was read'));
        return;
      }
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.resume();
    });
    if (write) write(request, body).catch(reject);
    else request.end(body);
  });
}

function outgoing(headers: HttpPost['headers'], body: string): Record<string, string | string[]> {
  const copied = Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]);
  return { ...Object.fromEntries(copied), 'content-length': String(Buffer.byteLength(body)) };
}
