import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExampleProcess } from '../support/app/example-process.js';
import { payload } from '../support/app/payload.js';
import { until } from '../support/time/until.js';
import { SECRET } from '../support/app/webhook-app.js';

describe('examples/existing-app', () => {
  let folder: string;
  let example: ExampleProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
    example = await ExampleProcess.start('existing-app', { DATABASE_PATH: join(folder, 'existing-app.sqlite') });
  });

  afterEach(async () => {
    await example.end('SIGKILL');
    await rm(folder, { recursive: true });
  });

  async function ask(path: string, headers: Record<string, string> = {}): Promise<unknown> {
    const answer = await fetch(`${example.url}${path}`, { headers });
    return answer.ok ? await answer.json() : answer.status;
  }

  it('receives under its prefix and past its guard, and keeps its own routes as they were', async () => {
    const { sessionId, ...rest } = payload();
    const answer = await fetch(`${example.url}/api/webhook/cr3dentials`, {
      method: 'POST',
      headers: { 'x-api-key': SECRET, 'content-type': 'application/json' },
      body: JSON.stringify({ sessionId, ...rest }),
    });
    expect([answer.status, await answer.text()]).toEqual([200, '{"received":true}']);
    const authorization = 'Bearer a-token-of-this-app';
    await until('the delivery is completed', async () => {
      const { completed } = (await ask('/api/accounts/inbox', { authorization })) as { completed: number };
      return completed === 1;
    });
    expect(await ask('/api/accounts', { authorization })).toEqual([{ sessionId, activations: 1 }]);
    expect(await ask('/api/accounts')).toBe(403);
    expect(await example.post(payload())).toBe(404); // without the prefix
  });

  it('warns of nothing at boot', () => {
    expect(example.output).not.toMatch(/^\[Nest\].* (WARN|ERROR) \[/m);
  });
});
