import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DataSourceOptions } from 'typeorm';
import { registerCleanup } from '../chaos/cleanup.js';

const HOST = fileURLToPath(new URL('host.js', import.meta.url));

/** What an app says of itself, since it was last asked. */
export interface Used {
  /** Longest stop of its event loop. */
  readonly stopMs: number;
  /** Time of the processor. */
  readonly cpuMs: number;
}

/** The app, in a process of its own. */
export class Instance {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(database: DataSourceOptions): Promise<Instance> {
    const env = { ...process.env, NODE_OPTIONS: '', DATABASE: JSON.stringify(database) };
    const child = fork(HOST, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    registerCleanup(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('The app has ended.')));
    const [url] = (await Promise.race([once(child, 'message'), ended])) as [string];
    ended.catch(() => {}); // after that, it may end
    return new Instance(child, url);
  }

  async used(): Promise<Used> {
    const answered = once(this.child, 'message');
    this.child.send('used');
    return (await answered)[0] as Used;
  }
}
