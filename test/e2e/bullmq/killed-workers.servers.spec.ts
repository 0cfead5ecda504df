import { expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { servers } from '../../support/database/databases.js';

const run = promisify(execFile);
const { TEST_POSTGRES_URL = '', TEST_MARIADB_URL = '' } = process.env;
const urls = { postgres: TEST_POSTGRES_URL, mariadb: TEST_MARIADB_URL, sqlite: '' };

/** The campaign of `npm run test:queues`, with few deliveries. */
it.each(servers)(
  'instances that are killed and frozen beside a Redis that is flushed and killed lose nothing, on %s',
  async (kind) => {
    const campaign = ['--deliveries', '120', '--seconds', '8', '--patience', '60'];
    const script = ['harness/queues/dist/main.js', '--database', urls[kind]];
    const { stdout } = await run(process.execPath, script.concat(campaign));
    const verdict = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { faults: Record<string, number> };
    expect(Object.values(verdict.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0); // the control
    expect(verdict).toMatchObject({ acknowledged: 120, open: 0, lost: 0, repeated: { once: 0 } });
  },
  120_000,
);
