import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SECRET } from '../app/webhook-app.js';

/** A POST on a connection of its own, of which every byte is sent when it is asked for. */
export class SlowPost {
  /** All that has been answered. */
  answer = '';
  private sent = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly headers: string,
    private readonly body: string,
  ) {
    socket.on('error', () => undefined); // told by `isOpen`
    socket.on('data', (chunk: Buffer) => (this.answer += chunk.toString()));
  }

  static async to(url: string, body: string, path = '/webhook/cr3dentials'): Promise<SlowPost> {
    const { hostname, port, host } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    const headers = [
      `POST ${path} HTTP/1.1`,
      `Host: ${host}`,
      `X-API-Key: ${SECRET}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '\r\n',
    ].join('\r\n');
    return new SlowPost(socket, headers, body);
  }

  get isOpen(): boolean {
    return !this.socket.closed;
  }

  /** All but the last bytes of its headers, or of its body. */
  sendUpTo(part: 'its headers' | 'its body', bytesLeft: number): void {
    const end = this.headers.length + (part === 'its body' ? this.body.length : 0);
    this.send(end - bytesLeft - 1 - this.sent);
  }

  send(length: number): void {
    const all = Buffer.from(this.headers + this.body);
    this.socket.write(all.subarray(this.sent, this.sent + length));
    this.sent += length;
  }

  finish(): void {
    this.send(Buffer.byteLength(this.headers + this.body) - this.sent);
  }

  leave(): void {
    this.socket.destroy();
  }
}
