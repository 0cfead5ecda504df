import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { JobWorker } from '../../../src/bullmq/job.worker.js';
import { freePort } from '../../support/network/free-port.js';
import { until } from '../../support/time/until.js';

const MINUTE_MS = 60_001;

/** As if this much time had passed. */
let passed = 0;
const now = performance.now.bind(performance);

/** A look at Redis that finds this many jobs, after one more minute. */
async function lookLater(worker: JobWorker, waiting: number): Promise<void> {
  passed += MINUTE_MS;
  worker.check(waiting);
  await new Promise(setImmediate);
}

describe('the worker of a queue, none of whose connections answers', () => {
  const announced: string[] = [];
  const queue = {
    name: 'reports',
    isPaused: () => Promise.resolve(false),
    isMaxed: () => Promise.resolve(false),
    getRateLimitTtl: () => Promise.resolve(0),
  };
  const workers: JobWorker[] = [];

  beforeEach(() => {
    passed = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now() + passed);
  });

  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.abandon()));
    jest.restoreAllMocks();
    announced.splice(0);
  });

  async function started(more: Partial<typeof queue> = {}): Promise<JobWorker> {
    const host = { instrumentation: { announce: (name: string) => void announced.push(name) } } as never;
    const settings = { connection: { host: '127.0.0.1', port: await freePort() }, prefix: 'bull' } as never;
    const limits = { concurrency: 1, lockDuration: 1_000 } as never;
    const worker = new JobWorker({ ...queue, ...more }, host, {} as never, settings, limits);
    workers.push(worker);
    worker.start();
    return worker;
  }

  it('is replaced after a minute in which jobs waited, and is stuck when that does not help', async () => {
    const worker = await started();
    worker.check(5);
    await lookLater(worker, 5);
    await until('it is replaced', () => announced.length === 1);
    expect(worker.isStuck).toBe(false);
    await lookLater(worker, 5);
    await until('it is replaced again', () => announced.length === 2);
    expect(worker.isStuck).toBe(true);
    worker.check(0); // somebody else has taken them
    expect(worker.isStuck).toBe(false);
    expect(announced).toEqual(['queue-stuck', 'queue-stuck']);
  });

  it.each<[string, Partial<typeof queue>]>([
    ['the queue is paused', { isPaused: () => Promise.resolve(true) }],
    ['all of them run what they may', { isMaxed: () => Promise.resolve(true) }],
    ['its limit is reached', { getRateLimitTtl: () => Promise.resolve(1_000) }],
    ['nobody knows, because Redis does not answer', { isPaused: () => Promise.reject(new Error('down')) }],
  ])('is left alone while %s', async (_, more) => {
    const worker = await started(more);
    for (let n = 0; n < 4; n++) await lookLater(worker, 5);
    expect([announced, worker.isStuck]).toEqual([[], false]);
  });

  it('is left alone while no job waits', async () => {
    const worker = await started();
    for (let n = 0; n < 4; n++) await lookLater(worker, 0);
    expect([announced, worker.isStuck]).toEqual([[], false]);
  });
});
