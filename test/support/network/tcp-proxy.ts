import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ThrottledWriter, type Throttle } from './throttled-writer.js';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  isSilent: boolean;
}

/** Stands between an app and its database, and can break what is between them. */
export class TcpProxy {
  readonly #pairs = new Set<Pair>();
  #listener: Server | undefined;
  #port = 0;
  #isStalled = false;
  #swallows = false;
  #throttle: Throttle | undefined;

  private constructor(private target: URL) {}

  static async to(url: string | undefined): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(url ?? ''));
    await proxy.accept();
    return proxy;
  }

  /** The target's address, through this proxy. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String(this.#port);
    return url.href;
  }

  /** New connections go to that server; those there are stay where they are. */
  redirect(url: string): void {
    this.target = new URL(url);
  }

  /** Returns how many connections there are. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Nothing goes through any more, in either direction, and nobody is told. */
  stall(): void {
    this.#isStalled = true;
    for (const { client, server } of this.#pairs) for (const socket of [client, server]) socket.pause();
  }

  /** What was held back goes through, and everything else again. */
  thaw(): void {
    this.#isStalled = false;
    this.#swallows = false;
    this.#throttle = undefined;
    for (const { client, server } of this.#pairs) for (const socket of [client, server]) socket.resume();
  }

  /** Everything goes through, later. */
  slowDown(throttle: Throttle): void {
    this.#throttle = throttle;
  }

  /** What is asked goes through; what is answered is lost. */
  swallowAnswers(): void {
    this.#swallows = true;
  }

  /** The connections there are lose every answer for good, and nobody is told; new ones go through. */
  silence(): void {
    for (const pair of this.#pairs) pair.isSilent = true;
  }

  /** Ends every connection there is; new ones go through. */
  cut(): void {
    this.#swallows = false;
    for (const { client, server } of this.#pairs) for (const socket of [client, server]) socket.destroy();
  }

  /** Ends every connection, and refuses new ones until `accept()`. */
  async refuse(): Promise<void> {
    const closed = this.#listener && once(this.#listener, 'close');
    this.#listener?.close();
    this.#listener = undefined;
    this.cut();
    await closed;
  }

  /** At the same address as before. */
  async accept(): Promise<void> {
    const listener = createServer((client) => this.#connect(client));
    listener.listen(this.#port, '127.0.0.1');
    await once(listener, 'listening');
    this.#port = (listener.address() as AddressInfo).port;
    this.#listener = listener;
  }

  #connect(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    const pair = { client, server, isSilent: false };
    this.#pairs.add(pair);
    const [there, back] = [new ThrottledWriter(server), new ThrottledWriter(client)];
    client.on('data', (chunk) => there.write(chunk, this.#throttle));
    server.on('data', (chunk) => this.#swallows || pair.isSilent || back.write(chunk, this.#throttle));
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      if (this.#isStalled) socket.pause();
      socket.on('error', () => {}); // it closes
      socket.on('close', () => {
        client.destroy();
        server.destroy();
        this.#pairs.delete(pair);
      });
    }
  }
}
