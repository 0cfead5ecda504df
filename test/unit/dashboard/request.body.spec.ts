import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { HostRequest } from '../../../src/dashboard/access/host.request.js';
import { DashboardException } from '../../../src/dashboard/api/dashboard.exception.js';
import { readBody } from '../../../src/dashboard/api/request.body.js';

const TIMEOUT_MS = 50;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const read = readBody(request as unknown as HostRequest, response, TIMEOUT_MS);
  const text = await read.then(JSON.stringify, (error: unknown) => {
    if (error instanceof DashboardException) return error.message;
    throw error;
  });
  response.end(text);
}

describe('a body that no parser of the host has read', () => {
  const server = createServer((request, response) => void answer(request, response));
  let sender: Socket;

  afterEach(() => {
    sender.destroy();
    server.close();
  });

  /** Resolves to what is answered until the connection ends. */
  async function send(head: string): Promise<string> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    sender = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const chunks: Buffer[] = [];
    sender.on('data', (chunk: Buffer) => chunks.push(chunk));
    sender.write(`POST / HTTP/1.1\r\nHost: test\r\n${head}`);
    await once(sender, 'close');
    return Buffer.concat(chunks).toString();
  }

  it('is read', async () => {
    expect(await send('Connection: close\r\nContent-Length: 8\r\n\r\n{"a": 1}')).toContain('{"a":1}');
  });

  it('is read to its end if it is too large, so that the next request on its connection is answered', async () => {
    const large = `Content-Length: 900000\r\n\r\n${' '.repeat(900_000)}`;
    const next = 'POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 8\r\n\r\n{"a": 1}';
    expect(await send(large + next)).toMatch(/larger than 64 kB[^]*\{"a":1\}$/);
  });

  it('is waited for no longer than it may take, and its connection is closed', async () => {
    expect(await send('Content-Length: 8\r\n\r\n{"a"')).toContain(`did not arrive within ${TIMEOUT_MS} ms`);
  });
});
