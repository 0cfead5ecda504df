import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExampleProcess } from '../support/app/example-process.js';
import { payload } from '../support/app/payload.js';
import { until } from '../support/time/until.js';

describe('examples/fastify', () => {
  let folder: string;
  let example: ExampleProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
    example = await ExampleProcess.start('fastify', { DATABASE_PATH: join(folder, 'fastify.sqlite') });
  });

  afterEach(async () => {
    await example.end('SIGKILL');
    await rm(folder, { recursive: true });
  });

  it('activates an account, and refuses a body over its limit', async () => {
    const completed = payload();
    expect(await example.post(completed)).toBe(200);
    await until('the account is activated', () =>
      example.output.includes(`Activated the account of session ${String(completed.sessionId)}`),
    );
    expect(await example.post(payload({ metadata: { note: 'x'.repeat(262_144) } }))).toBe(413);
  });

  it('warns of nothing at boot', () => {
    expect(example.output).not.toMatch(/^\[Nest\].* (WARN|ERROR) \[/m);
  });
});
