import PgBoss from 'pg-boss';
import { setting } from '../contenders/contender.js';
import { PAYLOAD, sessions } from '../deliveries.sql.js';
import { connect, count, drain, settle } from './engine.js';

const QUEUE = 'noop';
const LOOPS = 4;
const BATCH_JOBS = 500;

const { url } = setting().database as { url: string };
const database = await connect();
const boss = new PgBoss(url);
let loops: Promise<void>[] = [];

await drain({
  async fill(jobs) {
    await boss.start();
    await boss.createQueue(QUEUE);
    await database.query(
      `INSERT INTO pgboss.job (name, data) SELECT '${QUEUE}', ${PAYLOAD}::jsonb FROM ${sessions(1, jobs)}`,
    );
    await settle(database);
  },
  // Its workers wait half a second or more between batches; its own fetch() and complete() need not.
  async open(handle) {
    loops = Array.from({ length: LOOPS }, () => work(handle));
  },
  remaining: () => count(database, `pgboss.job WHERE name = '${QUEUE}' AND state <> 'completed'`),
  async close() {
    await Promise.all(loops);
    await boss.stop({ graceful: false });
    await database.destroy();
  },
});

async function work(handle: () => void): Promise<void> {
  for (;;) {
    const jobs = await boss.fetch(QUEUE, { batchSize: BATCH_JOBS });
    if (!jobs || jobs.length === 0) return;
    for (let job = 0; job < jobs.length; job++) handle();
    await boss.complete(
      QUEUE,
      jobs.map(({ id }) => id),
    );
  }
}
