import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { blocks } from '../support/sources/documents.js';
import { ExampleProcess } from '../support/app/example-process.js';
import { payload } from '../support/app/payload.js';
import { until } from '../support/time/until.js';
import { SECRET } from '../support/app/webhook-app.js';

const run = promisify(execFile);
const block = (what: string) =>
  blocks()
    .find(({ says }) => says.run === what)
    ?.code.replace(/^export .*\n/m, '') ?? '';

describe('who reads the documents', () => {
  let folder: string;
  let demo: ExampleProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
    demo = await ExampleProcess.start('demo', { DATABASE_URL: join(folder, 'demo.sqlite') });
  });

  afterEach(async () => {
    await demo.end('SIGKILL');
    await rm(folder, { recursive: true });
  });

  /** What the shell prints, for commands as they stand there except for where the demo is. */
  async function shell(commands: string): Promise<string> {
    const here = commands
      .replaceAll('http://127.0.0.1:3000', demo.url)
      .replaceAll('npx nestjs-cr3dentials-webhook', `node ${resolve('dist/cli.cjs')}`);
    const { stdout } = await run('bash', ['-ec', here], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '', CR3D_WEBHOOK_SECRET: SECRET },
    });
    return stdout;
  }

  it('posts the documented sample, which is answered and activated as it says', async () => {
    const [post = '', ask = ''] = block('demo').split(/^# .*$/m);
    const [received, activated] = [...block('demo').matchAll(/^# (.*)$/gm)].map(([, output]) => output);
    for (let times = 0; times < 11; times++) expect(await shell(post)).toBe(received);
    await until('the account is activated', async () => !(await shell(ask)).includes('404'));
    expect(await shell(ask)).toBe(activated);
  }, 90_000);

  it('is told what a POST against the contract is answered', async () => {
    const answer = await fetch(`${demo.url}/webhook/cr3dentials`, {
      method: 'POST',
      headers: { 'x-api-key': SECRET, 'content-type': 'application/json' },
      body: JSON.stringify(payload({ platformId: 'one' })),
    });
    const shown = blocks().find(({ document, language }) => document === 'README.md' && language === 'json');
    expect(JSON.parse(shown?.code ?? '')).toEqual(await answer.json());
  });

  it('simulates a provider, of whose deliveries as many are activated as it says', async () => {
    const commands = block('simulation');
    expect(commands).toContain('--count 1000');
    await shell(commands);
    const accounts = await until('all are activated', async () => {
      const found = (await (await fetch(`${demo.url}/accounts`)).json()) as { count: number; activations: number };
      return found.activations >= 790 && found;
    });
    expect(accounts).toEqual({ count: 790, activations: 790 });
  }, 90_000);

  it('sends one session, and stored payloads', async () => {
    expect(await shell(block('one'))).toMatch(/\b200\b/);
    expect(await shell(block('stored'))).toMatch(/\b200\b/);
    const inbox = (await (await fetch(`${demo.url}/inbox`)).json()) as Record<string, number>;
    expect(
      Object.entries(inbox)
        .filter(([state]) => /pending|processing|completed/.test(state))
        .reduce((sum, [, count]) => sum + count, 0),
    ).toBe(2);
  });
});
