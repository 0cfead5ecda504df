import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Question, Report, Setting } from './contenders/contender.js';
import type { Load } from './load/load-recorder.js';
import type { LoadMessage, Plan } from './load/main.js';

const CLOSE_TIMEOUT_MS = 30_000;

/** What is to be run: a file of this folder, and what its command line says. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

/** A contender in a process of its own. */
export class ContenderProcess {
  private constructor(
    private readonly process: Running,
    readonly port: number,
  ) {}

  static async start(program: Program, setting: Setting): Promise<ContenderProcess> {
    const process_ = forkContender(program, setting);
    const [answer] = (await orEnd(process_, once(process_.child, 'message'))) as [Answer];
    if (!('listens' in answer)) throw new Error('A contender spoke before it listened.');
    return new ContenderProcess(process_, answer.listens);
  }

  async ask(question: Extract<Question, `report${string}`>): Promise<Report> {
    const { child } = this.process;
    child.send(question);
    const [answer] = (await orEnd(this.process, once(child, 'message'))) as [Answer];
    if (!('report' in answer)) throw new Error('A contender did not answer with a report.');
    return answer.report;
  }

  /** From now until it is closed. */
  profileTo(file: string): void {
    this.process.child.send({ profileTo: file } satisfies Question);
  }

  async close(): Promise<void> {
    const { child, exit } = this.process;
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
    if (child.connected) child.send('close' satisfies Question);
    await exit;
    clearTimeout(timer);
  }
}

/** Closed when the work is over. */
export async function withContender<T>(
  program: Program,
  setting: Setting,
  work: (contender: ContenderProcess) => Promise<T>,
): Promise<T> {
  const contender = await ContenderProcess.start(program, setting);
  try {
    return await work(contender);
  } finally {
    await contender.close();
  }
}

/** Runs a program that says one thing, and then ends. */
export function outcomeOf<T>(program: Program, setting: Setting): Promise<T> {
  return sayingOf(forkContender(program, setting));
}

/** Runs a program that needs no setting, says one thing, and then ends. */
export function measuredBy<T>(program: Program): Promise<T> {
  return sayingOf(run(program, [], process.env));
}

async function sayingOf<T>(process_: Running): Promise<T> {
  const [outcome] = (await orEnd(process_, once(process_.child, 'message'))) as [T];
  await process_.exit;
  return outcome;
}

/** Sends a load from a process of its own. */
export async function sendLoad(plan: Plan, measuring: () => void = () => {}): Promise<Load> {
  const sender = run({ file: 'load/main.js', args: [] }, [], process.env);
  sender.child.send(plan);
  const load = new Promise<Load>((resolve) => {
    sender.child.on('message', (message: LoadMessage) =>
      message === 'measuring' ? measuring() : resolve(message.load),
    );
  });
  return orEnd(sender, load);
}

interface Running {
  readonly child: ChildProcess;
  readonly exit: Promise<unknown[]>;
}

function forkContender(program: Program, setting: Setting): Running {
  const env = { ...process.env, NODE_ENV: 'production', BENCH_SETTING: JSON.stringify(setting) };
  return run(program, ['--expose-gc'], env);
}

function run({ file, args }: Program, nodeFlags: string[], env: NodeJS.ProcessEnv): Running {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: nodeFlags, env });
  return { child, exit: once(child, 'exit') };
}

/** Rejects when the process ends before it has said what is waited for. */
async function orEnd<T>({ child, exit }: Running, said: Promise<T>): Promise<T> {
  const end = exit.then(() => {
    throw new Error(`${child.spawnargs.slice(1).join(' ')} ended (${child.exitCode}) before it had answered.`);
  });
  return Promise.race([said, end]);
}
