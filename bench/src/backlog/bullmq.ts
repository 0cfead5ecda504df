import { Queue, Worker } from 'bullmq';
import { setting } from '../contenders/contender.js';
import { sample } from '../load/delivery.js';
import { redisConnection as connection } from '../redis.js';
import { drain } from './engine.js';

const QUEUE = 'backlog';
const CHUNK_JOBS = 1_000;

const { prefix } = setting();
const queue = new Queue(QUEUE, { connection, prefix });
let worker: Worker | undefined;

await drain({
  async fill(jobs) {
    for (let first = 0; first < jobs; first += CHUNK_JOBS) {
      const length = Math.min(CHUNK_JOBS, jobs - first);
      await queue.addBulk(
        Array.from({ length }, () => ({ name: 'noop', data: sample, opts: { removeOnComplete: true } })),
      );
    }
  },
  async open(handle) {
    worker = new Worker(QUEUE, async () => handle(), { connection, prefix, concurrency: 100 });
  },
  remaining: () => queue.getJobCountByTypes('waiting', 'active', 'delayed', 'prioritized'),
  async close() {
    await worker?.close();
    await queue.obliterate({ force: true });
    await queue.close();
  },
});
