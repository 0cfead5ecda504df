import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { under } from './process.mjs';

export const SECRET = 'a-secret-of-more-than-16-characters';

/** A built app as a process of its own. */
export class Host {
  /** Everything it has said. */
  lines = [];
  #child;
  #url;

  static async boot({ cwd, node, env }) {
    const host = new Host();
    host.#child = spawn(node.bin, ['dist/main.js'], {
      cwd,
      env: { ...process.env, ...under(node), SQLITE_BINDING: node.sqliteBinding, CR3D_WEBHOOK_SECRET: SECRET, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface(host.#child.stderr).on('line', (line) => host.lines.push(line));
    const output = createInterface(host.#child.stdout).on('line', (line) => host.lines.push(line));
    for await (const line of output) {
      [, host.#url] = /^Listening on (.+)$/.exec(line) ?? [];
      if (host.#url) return host;
    }
    throw new Error(`The app has ended.\n${host.lines.slice(-40).join('\n')}`);
  }

  /** @param {string | object} body */
  async post(path, body, headers = {}) {
    const answer = await fetch(this.#url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: answer.status, text: await answer.text() };
  }

  async get(path) {
    const answer = await fetch(this.#url + path, { headers: { authorization: 'Bearer host' } });
    if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()).data;
  }

  /** Ends it as an orchestrator does; answers the signal that it ended by. */
  async stop() {
    const exit = once(this.#child, 'exit');
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    else return this.#child.signalCode;
    const [, signal] = await exit;
    return signal;
  }
}
