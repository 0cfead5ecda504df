import { describe, expect, it } from '@jest/globals';
import type { BulkRequest } from 'nestjs-cr3dentials-webhook';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { killAt, type Operation } from '../../support/app/operation-process.js';
import { payload } from '../../support/app/payload.js';
import { testEncryption } from '../../support/app/test-encryption.js';
import { databases } from '../../support/database/databases.js';

/** 10 000 at night, which takes minutes. */
const COUNT = Number(process.env.BULK_DEAD ?? 300);
const LATER = 5;
/** POSTs at a time. */
const AT_ONCE = 300;
/** How often the instance that carries it out is killed. */
const KILLS = Number(process.env.KILL_MOMENTS ?? 6);
/** About as many statements as it takes to be in the middle of it. */
const MOMENTS = 90;
const RATE = Math.min(1_000, COUNT / 3);
const TIMEOUT_MS = 900_000;

const DEAD: BulkRequest = { action: 'replay', selection: { state: 'dead' } };
const PROCESS: Operation = {
  name: 'bulk',
  options: { encryption: testEncryption, processing: { enabled: true, lease: 1_000, pollInterval: 1_000 } },
};

describe.each(databases)('a bulk replay whose instance is killed again and again, on %s', (kind) => {
  const host = freshHost(kind);

  it(
    'replays each delivery once, leaves none out, and touches none that died after the preview',
    async () => {
      const app = await host.start((a) => a.withOptions(RECEIVE_ONLY));
      const beside = await host.database.connect();
      const dead = async (count: number) => {
        for (let posted = 0; posted < count; posted += AT_ONCE)
          await Promise.all(
            Array.from({ length: Math.min(AT_ONCE, count - posted) }, () => app.post(payload({ completedAt: null }))),
          );
        await beside.query(
          `UPDATE cr3dentials_webhook_delivery_state SET state = 'dead', next_attempt_at = NULL, finished_at = ${Date.now()}
           WHERE state = 'pending'`,
        );
      };
      await dead(COUNT);
      const { asOf, count: expected } = await app.inbox.bulk.preview(DEAD);
      expect(expected).toBe(COUNT);
      await dead(LATER);
      const { id } = await app.inbox.bulk.start({ ...DEAD, asOf, expected, rate: RATE });
      const outcomes = [];
      for (let kill = 0; kill < KILLS; kill++)
        outcomes.push(await killAt(Math.ceil(Math.random() * MOMENTS), host.database, PROCESS));
      expect(outcomes).toContain('killed');
      expect(await killAt(0, host.database, PROCESS)).toBe('ended');
      expect(await app.inbox.bulk.get(id)).toMatchObject({ state: 'completed', done: COUNT, skipped: 0 });
      const replays: { replays: number; n: number }[] = await beside.query(
        'SELECT replays, COUNT(*) AS n FROM cr3dentials_webhook_delivery_state GROUP BY replays ORDER BY replays',
      );
      expect(replays.map((row) => [Number(row.replays), Number(row.n)])).toEqual([
        [0, LATER],
        [1, COUNT],
      ]);
      const acts: { n: number; targets: number }[] = await beside.query(
        `SELECT COUNT(*) AS n, COUNT(DISTINCT target_id) AS targets FROM cr3dentials_webhook_action WHERE bulk_id = '${id}'`,
      );
      expect(acts.map(({ n, targets }) => [Number(n), Number(targets)])).toEqual([[COUNT, COUNT]]);
    },
    TIMEOUT_MS,
  );
});
