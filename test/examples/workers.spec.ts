import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ExampleProcess } from '../support/app/example-process.js';
import { databases, freshDatabase, urlOf, type TestDatabase } from '../support/database/databases.js';
import { payload } from '../support/app/payload.js';
import { until } from '../support/time/until.js';

const RENDERED = /Process (\d+) rendered the report of session (\S+)/g;

describe.each(databases)('examples/workers, on %s', (kind) => {
  let database: TestDatabase;
  let example: ExampleProcess;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    example = await ExampleProcess.start('workers', { DATABASE_URL: urlOf(database), RENDERING_MS: '100' });
  });

  afterEach(async () => {
    await example.end();
    await database.drop();
  });

  const rendered = () => [...example.output.matchAll(RENDERED)].map(([, pid, sessionId]) => ({ pid, sessionId }));

  it('receives in one process, and renders in the other', async () => {
    const bodies = Array.from({ length: 12 }, () => payload());
    for (const body of bodies) expect(await example.post(body)).toBe(200);
    await until('all are rendered', () => rendered().length === 12);

    expect(new Set(rendered().map(({ sessionId }) => sessionId))).toEqual(
      new Set(bodies.map(({ sessionId }) => sessionId)),
    );
    const [, web] = /\[Nest\] (\d+) .*Nest application successfully started/.exec(example.output) ?? [];
    expect(web).toBeDefined();
    expect(rendered().map(({ pid }) => pid)).not.toContain(web);
    expect(example.output).toMatch(/This instance receives only/);
    expect(example.output.match(/This instance does not receive/g)).toHaveLength(1);
    expect(example.output).not.toMatch(/^\[Nest\].* (WARN|ERROR) \[/m);
  });

  it('ends all of its processes', async () => {
    await until('the worker has started', () => /This instance does not receive/.test(example.output));
    expect(await example.end()).toBe(0); // its streams are closed, so nobody has them any more
  });
});
