import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip } from 'node:zlib';

interface Settings {
  /** Where the application is. */
  readonly target: string;
  /** Path at which the proxy serves it; it is taken away before a request is handed on. */
  readonly at?: string;
  /** Headers that it puts on every answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends TLS, with a certificate that nobody has signed. */
  readonly isTls?: boolean;
}

export interface ReverseProxy {
  readonly port: number;
  close(): Promise<void>;
}

function certificate(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=inbox.example.test', '-days', '2'];
  try {
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject],
      {
        stdio: 'ignore',
      },
    );
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Hands an answer on, compressed, as proxies do that compress what passes through them. */
function handOn(answer: IncomingMessage, response: ServerResponse, headers: Settings['headers'] = {}): void {
  const isPlain = answer.headers['content-encoding'] === undefined && answer.statusCode === 200;
  const { 'content-length': _, ...rest } = answer.headers;
  response.writeHead(answer.statusCode ?? 502, {
    ...(isPlain ? { ...rest, 'content-encoding': 'gzip' } : answer.headers),
    ...headers,
  });
  if (isPlain) answer.pipe(createGzip()).pipe(response);
  else answer.pipe(response);
}

/** A proxy in front of an application, as nginx or an ingress is. */
export async function reverseProxy({ target, at = '', headers, isTls = false }: Settings): Promise<ReverseProxy> {
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? '/').startsWith(at) ? (request.url ?? '/').slice(at.length) : (request.url ?? '/');
    const onward = httpRequest(`${target}${path}`, { method: request.method, headers: request.headers }, (answer) =>
      handOn(answer, response, headers),
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  };
  const server: Server = isTls ? createTlsServer(certificate(), serve) : createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
