import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Server, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** Tracks open connections, to close those that wait for a request or for the rest of its headers. */
@Injectable()
export class ConnectionWatch {
  /** The connections that are open, each with the answer that is under way. */
  private readonly answers = new Map<Socket, ServerResponse | undefined>();

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Begins to watch. The server must not listen yet. Does nothing for HTTP/2, which tells by itself. */
  install(): void {
    const server: unknown = this.adapterHost.httpAdapter?.getHttpServer();
    if (!(server instanceof Server || server instanceof TlsServer)) return;
    const { answers } = this;
    // One function for all: a closure for each answer would be felt.
    function forget(this: ServerResponse): void {
      if (answers.get(this.req.socket) === this) answers.set(this.req.socket, undefined);
    }
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.answers.set(socket, undefined);
      socket.once('close', () => this.answers.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      if (socket.destroyed) return;
      this.answers.set(socket, response);
      response.on('close', forget);
    });
  }

  /**
   * Closes the connections without a request. Those that were upgraded look the same, so it does nothing where the host
   * upgrades some.
   */
  close(): void {
    const server = this.adapterHost.httpAdapter.getHttpServer() as Server;
    if (server.listenerCount('upgrade') + server.listenerCount('connect') > 0) return;
    for (const [socket, answer] of this.answers) if (!answer) socket.destroy();
  }
}
