import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { under } from './process.mjs';

export const SECRET = 'a-secret-of-more-than-16-characters';

/** A built app as a process of its own. */
export class Host {
  /** Everything it has said. */
  lines = [];
  #child;
  #url;
  #isHttp2;

  static async boot({ cwd, node, env, entry = 'dist/main.js' }) {
    const host = new Host();
    host.#isHttp2 = env.HTTP2 === 'true';
    host.#child = spawn(node.bin, [entry], {
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
    return this.#ask('POST', path, { 'content-type': 'application/json', ...headers }, textOf(body));
  }

  /** Resolves once it has said this. */
  async said(text) {
    const giveUpAt = performance.now() + 10_000;
    while (!this.lines.some((line) => line.includes(text))) {
      if (performance.now() > giveUpAt) throw new Error(`It has not said "${text}".`);
      await sleep(20);
    }
  }

  async get(path) {
    const { status, text } = await this.#ask('GET', path, { authorization: 'Bearer host' });
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${text}`);
    return JSON.parse(text).data;
  }

  async #ask(method, path, headers, body) {
    if (this.#isHttp2) return askByHttp2(this.#url, method, path, headers, body);
    const answer = await fetch(this.#url + path, { method, headers, body });
    return { status: answer.status, text: await answer.text() };
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

const textOf = (body) => (typeof body === 'string' ? body : JSON.stringify(body));

/** HTTP/2 in clear text, a connection for each request. */
async function askByHttp2(url, method, path, headers, body) {
  const session = connect(url);
  try {
    const request = session.request({ ':method': method, ':path': path, ...headers }).setEncoding('utf8');
    if (body !== undefined) request.end(body); // a GET has ended
    const [answer] = await once(request, 'response');
    let text = '';
    for await (const part of request) text += part;
    return { status: answer[':status'], text };
  } finally {
    session.close();
  }
}
