import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An endpoint that does what it is told, with what it was sent. */
export class Endpoint {
  readonly paths: string[] = [];
  #server: Server | undefined;

  /** Answers where it is. */
  async open(listener: RequestListener): Promise<string> {
    this.paths.length = 0;
    this.#server = createServer((request, response) => {
      this.paths.push(request.url ?? '');
      request.resume();
      listener(request, response);
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/webhook`;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}
