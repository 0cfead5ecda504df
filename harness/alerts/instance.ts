import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/support/network/free-port.js';
import { registerCleanup } from '../chaos/cleanup.js';

const HOST = fileURLToPath(new URL('host.js', import.meta.url));

export interface Ports {
  readonly app: number;
  /** Where Prometheus scrapes it. */
  readonly metrics: number;
}

export async function freePorts(): Promise<Ports> {
  return { app: await freePort(), metrics: await freePort() };
}

/** The app of examples/observed, in a process of its own. */
export class Instance {
  #output = '';

  private constructor(
    readonly ports: Ports,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output = (this.#output + chunk.toString()).slice(-10_000)));
    registerCleanup(() => this.stop('SIGKILL'));
  }

  /** Resolves when it listens. */
  static async start(ports: Ports, environment: Record<string, string>): Promise<Instance> {
    const child = fork(HOST, {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        PORT: String(ports.app),
        METRICS_PORT: String(ports.metrics),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const instance = new Instance(ports, child);
    const ended = once(child, 'exit').then(() => {
      throw new Error(`The app has ended:\n${instance.#output}`);
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {}); // after that, it may end
    return instance;
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.app}/webhook/cr3dentials`;
  }

  /** Discards a rejection as an operator; resolves to false when there is none. */
  async decide(): Promise<boolean> {
    const answered = once(this.child, 'message');
    this.child.send('decide');
    return (await answered)[0] as boolean;
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(name);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }
}
