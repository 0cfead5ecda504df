import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExampleProcess } from '../support/app/example-process.js';
import { payload } from '../support/app/payload.js';
import { until } from '../support/time/until.js';

describe('examples/minimal', () => {
  let folder: string;
  let example: ExampleProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
    example = await ExampleProcess.start('minimal', { DATABASE_PATH: join(folder, 'accounts.sqlite') });
  });

  afterEach(async () => {
    await example.end('SIGKILL');
    await rm(folder, { recursive: true });
  });

  it('activates an account once, releases a hold, and remembers both across a restart', async () => {
    const [completed, errored] = [payload(), payload({ status: 'ERROR' })];
    expect([await example.post(completed), await example.post(completed), await example.post(errored)]).toEqual([
      200, 200, 200,
    ]);
    await until('the hold is released', () =>
      example.output.includes(`Released the hold of session ${errored.sessionId}: ERROR`),
    );
    await example.end();
    const activated = new RegExp(`Activated the account of session ${String(completed.sessionId)}`, 'g');
    expect(example.output.match(activated)).toHaveLength(1);

    example = await ExampleProcess.start('minimal', { DATABASE_PATH: join(folder, 'accounts.sqlite') });
    expect(await example.post(completed)).toBe(200);
    expect(await example.post(payload({ status: 'CANCELLED' }))).toBe(200);
    await until('another hold is released', () => /Released the hold .*CANCELLED/.test(example.output));
    expect(example.output).not.toMatch(activated);
  });

  it('refuses who does not know the secret', async () => {
    const answer = await fetch(`${example.url}/webhook/cr3dentials`, {
      method: 'POST',
      headers: { 'x-api-key': 'a-guess', 'content-type': 'application/json' },
      body: JSON.stringify(payload()),
    });
    expect(answer.status).toBe(401);
  });

  it('warns of nothing at boot', () => {
    expect(example.output).not.toMatch(/^\[Nest\].* (WARN|ERROR) \[/m);
  });

  it('is one file', () => {
    expect(readFileSync('examples/minimal/main.ts', 'utf8')).not.toMatch(/from '\./);
  });
});
