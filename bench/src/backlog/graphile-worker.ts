import { Logger, run, runMigrations, type Runner } from 'graphile-worker';
import { setting } from '../contenders/contender.js';
import { PAYLOAD, sessions } from '../deliveries.sql.js';
import { connect, count, drain, settle } from './engine.js';

const CHUNK_JOBS = 10_000;

const { url } = setting().database as { url: string };
const logger = new Logger(() => () => {});
const database = await connect();
let runner: Runner | undefined;

await drain({
  async fill(jobs) {
    await runMigrations({ connectionString: url, logger });
    for (let first = 1; first <= jobs; first += CHUNK_JOBS) {
      const last = Math.min(jobs, first + CHUNK_JOBS - 1);
      await database.query(`
        SELECT count(*) FROM graphile_worker.add_jobs((
          SELECT array_agg(('noop', ${PAYLOAD}, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec)
          FROM ${sessions(first, last)}))`);
    }
    await settle(database);
  },
  // As its page on performance has it.
  async open(handle) {
    runner = await run({
      noHandleSignals: true,
      logger,
      taskList: { noop: () => handle() },
      preset: {
        worker: {
          connectionString: url,
          concurrentJobs: 24,
          maxPoolSize: 25,
          localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
    });
  },
  remaining: () => count(database, 'graphile_worker._private_jobs'),
  async close() {
    await runner?.stop();
    await database.destroy();
  },
});
