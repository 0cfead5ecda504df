import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppProcess } from './app-process.js';
import { SECRET } from './canaries.js';
import { freePort } from '../network/free-port.js';
import { until } from '../time/until.js';

/** An example as a stranger runs it; `npm test` builds it. */
export class ExampleProcess extends AppProcess {
  output = '';

  private constructor(
    child: ChildProcess,
    readonly url: string,
  ) {
    super(child);
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  get written(): string {
    return this.output;
  }

  static async start(
    example: string,
    environment: Record<string, string>,
    preload: string[] = [],
  ): Promise<ExampleProcess> {
    const main = fileURLToPath(new URL(`../../../examples/dist/${example}/main.js`, import.meta.url));
    const port = environment.PORT ?? (await freePort());
    const child = spawn(process.execPath, [...preload.map((file) => `--import=${file}`), main], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        NO_COLOR: '1',
        PORT: String(port),
        CR3D_WEBHOOK_SECRET: SECRET,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = new ExampleProcess(child, `http://127.0.0.1:${port}`);
    try {
      await until('the example listens', () => {
        if (started.hasEnded) throw new Error(`The example has ended:\n${started.output}`);
        return /successfully started/.test(started.output);
      });
      await until('it answers', () => fetch(started.url).catch(() => false));
    } catch (error) {
      child.kill(); // with the processes that it has started itself
      throw error;
    }
    return started;
  }
}
