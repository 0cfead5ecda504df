import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestDatabase } from '../database/databases.js';
import type { RedisServer } from '../network/redis-server.js';

/** The worker of test/host as a process, which is started again whenever it has ended, as a platform does. */
export class QueueWorkerProcess {
  /** Number of times that it has been killed by itself. */
  crashes = 0;
  /** Sessions that its handler has begun for. */
  readonly begun: string[] = [];
  private child!: ChildProcess;
  private isStopped = false;

  constructor(
    private readonly database: TestDatabase,
    private readonly redis: RedisServer,
    private readonly environment: Record<string, string> = {},
  ) {
    this.start();
  }

  stop(): void {
    this.isStopped = true;
    this.child.kill('SIGKILL');
  }

  private start(): void {
    const main = fileURLToPath(new URL('../../host/dist/queue-worker.js', import.meta.url));
    const connections = { DATABASE: JSON.stringify(this.database.options), REDIS_PORT: String(this.redis.port) };
    const env = { ...process.env, NODE_OPTIONS: '', ...connections, ...this.environment };
    this.child = fork(main, [], { env, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.child.on('message', ({ began }: { began: string }) => this.begun.push(began));
    this.child.once('exit', () => {
      if (this.isStopped) return;
      this.crashes++;
      this.start();
    });
  }
}
