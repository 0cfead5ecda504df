import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Answers whatever it hears in capitals: for testing what stands between. */
export class ShoutingServer {
  readonly heard: string[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ShoutingServer> {
    const server = createServer((socket) =>
      socket.setEncoding('utf8').on('data', (text) => {
        shouting.heard.push(String(text));
        socket.write(String(text).toUpperCase());
      }),
    );
    const shouting = new ShoutingServer(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return shouting;
  }

  get url(): string {
    return `shout://127.0.0.1:${(this.server.address() as AddressInfo).port}/path?query`;
  }

  stop(): void {
    this.server.close();
  }
}

export class Listener {
  heard = '';
  isConnected = true;
  error?: string;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (text) => (this.heard += String(text)));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code));
    socket.on('close', () => (this.isConnected = false));
  }

  static to(url: string): Listener {
    return new Listener(connect(Number(new URL(url).port), '127.0.0.1'));
  }

  say(text: string): void {
    this.socket.write(text);
  }
}
