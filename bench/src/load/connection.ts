import { connect, type Socket } from 'node:net';
import { HOST } from '../contenders/contender.js';
import { Answers } from './answers.js';
import { Delivery } from './delivery.js';

const READ_BUFFER_BYTES = 4_096;

/** Answer to a request: a status, or the reason why the connection was lost without one. */
export type Came = number | string;

/** One connection with one delivery under way at most. It is opened again when the receiver closes it. */
export class Connection {
  private readonly delivery = new Delivery();
  private socket?: Socket;
  private sentAt = 0;
  private isWaiting = false;

  constructor(
    private readonly port: number,
    private readonly onCame: (connection: Connection, came: Came, milliseconds: number, sessionId: string) => void,
  ) {}

  /** @param since when the delivery was due, where that is earlier than now */
  send(since = performance.now()): void {
    this.sentAt = since;
    this.isWaiting = true;
    this.socket ??= this.open();
    this.socket.write(this.delivery.next());
  }

  close(): void {
    this.socket?.destroy();
  }

  private open(): Socket {
    const answers = new Answers((status) => this.came(status));
    const buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
    const socket = connect({
      port: this.port,
      host: HOST,
      noDelay: true,
      onread: {
        buffer,
        callback(length) {
          answers.read(buffer, length);
          return true;
        },
      },
    });
    let lostBy = 'closed';
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      lostBy = code ?? message;
    });
    socket.on('close', () => {
      this.socket = undefined;
      if (this.isWaiting) this.came(lostBy);
    });
    return socket;
  }

  private came(came: Came): void {
    this.isWaiting = false;
    this.onCame(this, came, performance.now() - this.sentAt, this.delivery.sessionId);
  }
}
