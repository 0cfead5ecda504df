/** Starts the app, and a Prometheus beside it. In production, each is a deployment of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { metricsPort, prometheus, prometheusPort } from './environment.js';
import { startPrometheus } from './prometheus.js';

const inThisFolder = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

async function prometheusBesideIt(): Promise<ChildProcess[]> {
  const folder = '.demo/prometheus';
  try {
    const child = await startPrometheus({ program: prometheus, port: prometheusPort, folder, scraped: [metricsPort] });
    console.log(`Prometheus is on http://127.0.0.1:${prometheusPort}/alerts`);
    return [child];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    console.log('Prometheus is not installed (Debian: prometheus). The app runs without it.');
    return [];
  }
}

const telemetry = inThisFolder('telemetry.js');
const app = spawn(process.execPath, [`--import=${telemetry}`, inThisFolder('app.js')], { stdio: 'inherit' });
const processes = [app, ...(await prometheusBesideIt())];
const stop = (): void => {
  for (const child of processes) child.kill('SIGTERM');
};
process.on('SIGTERM', stop);
process.on('SIGINT', () => {}); // the terminal has sent it to the others too
await Promise.race(processes.map((child) => once(child, 'exit')));
stop(); // without one of them, the other is not left behind
