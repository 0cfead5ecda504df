import { connect } from '@nats-io/transport-node';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../time/until.js';
import { freePort } from './free-port.js';

/** A NATS server with JetStream of a test's own, which it may kill. Its streams are on disk until `remove()`. */
export class NatsServer {
  private child!: ChildProcess;

  private constructor(
    private readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), await mkdtemp(join(tmpdir(), 'nats-')));
    await server.restart();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it with the streams that it had. */
  async restart(): Promise<void> {
    const settings = ['--addr', '127.0.0.1', '--port', String(this.port), '--jetstream', '--store_dir', this.folder];
    this.child = spawn('nats-server', settings, { stdio: 'ignore' });
    await until('NATS answers', async () => {
      const connection = await connect({ servers: this.url, reconnect: false }).catch(() => null);
      await connection?.close();
      return connection;
    });
  }

  async kill(): Promise<void> {
    const ended = once(this.child, 'exit');
    if (this.child.kill('SIGKILL')) await ended;
  }

  /** It answers nothing until `thaw()`, and keeps its connections. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
