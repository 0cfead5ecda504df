import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Echoes what it receives, in capitals: for tests of what stands between. */
export class EchoServer {
  readonly received: string[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<EchoServer> {
    const server = createServer((socket) =>
      socket.setEncoding('utf8').on('data', (text) => {
        echo.received.push(String(text));
        socket.write(String(text).toUpperCase());
      }),
    );
    const echo = new EchoServer(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return echo;
  }

  get url(): string {
    return `echo://127.0.0.1:${(this.server.address() as AddressInfo).port}/path?query`;
  }

  stop(): void {
    this.server.close();
  }
}

/** One connection, with everything that came back over it. */
export class EchoClient {
  received = '';
  isConnected = true;
  error?: string;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (text) => (this.received += String(text)));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code));
    socket.on('close', () => (this.isConnected = false));
  }

  static to(url: string): EchoClient {
    return new EchoClient(connect(Number(new URL(url).port), '127.0.0.1'));
  }

  send(text: string): void {
    this.socket.write(text);
  }
}
