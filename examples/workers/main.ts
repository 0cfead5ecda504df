/**
 * A web app that receives, and a worker app that runs the handlers, on one inbox. This file starts both on one machine.
 * In production each is a deployment of its own with as many instances as it needs, and a process manager starts them,
 * after the migrations have run.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { migrate } from './database.js';

function start(role: 'web' | 'worker'): ChildProcess {
  const file = fileURLToPath(new URL(`./${role}.js`, import.meta.url));
  return spawn(process.execPath, [file], { env: { ...process.env, ROLE: role }, stdio: 'inherit' });
}

await migrate();
const processes = [start('web'), start('worker')];
const stop = (): void => {
  for (const child of processes) child.kill('SIGTERM');
};
process.on('SIGTERM', stop);
process.on('SIGINT', () => {}); // the terminal has sent it to the others too
await Promise.race(processes.map((child) => once(child, 'exit')));
stop(); // without one of them, the other is not left behind
