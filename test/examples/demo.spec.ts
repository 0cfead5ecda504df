import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOLDER } from '../support/app/canaries.js';
import { ExampleProcess } from '../support/app/example-process.js';
import { payload } from '../support/app/payload.js';
import { until } from '../support/time/until.js';

const REFERENCE = 'reference-of-a-person-8841';

/** Runs the demo for one delivery, kills it, and answers what its files hold. */
async function filesAfterDelivery(environment: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
  const file = join(folder, 'demo.sqlite');
  const demo = await ExampleProcess.start('demo', { DATABASE_URL: file, ...environment });
  try {
    // The demo has a table of its own, in which it keeps names of accounts: an errored session has none.
    expect(await demo.post(payload({ status: 'CANCELLED', externalReferenceId: REFERENCE }))).toBe(200);
    await until('it is handled', async () => {
      const stats = (await (await fetch(`${demo.url}/inbox`)).json()) as { pending: number; processing: number };
      return stats.pending + stats.processing === 0;
    });
  } finally {
    await demo.end('SIGKILL'); // its log of writes stays
  }
  const files = await Promise.all([file, `${file}-wal`].map((name) => readFile(name, 'latin1').catch(() => '')));
  await rm(folder, { recursive: true });
  return files.join('\n');
}

describe('the demo', () => {
  it('seals what it stores when it is given a key', async () => {
    const key = randomBytes(32).toString('base64url');
    const files = await filesAfterDelivery({ CR3D_ENCRYPTION_KEY: key });
    expect(files).toContain('cw1r.demo.');
    for (const word of [HOLDER, REFERENCE, key]) expect(files).not.toContain(word);
  });

  it('control: the names are found without a key', async () => {
    const files = await filesAfterDelivery({ CR3D_ENCRYPTION_KEY: '' });
    for (const word of [HOLDER, REFERENCE]) expect(files).toContain(word);
  });
});
