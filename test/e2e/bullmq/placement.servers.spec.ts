import { describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { OnVerification, PermanentError, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { freshQueues } from '../../support/app/queue-apps.js';
import { payload } from '../../support/app/payload.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

class Reports {
  readonly runs: { sessionId: string; attempt: number; isReplay: boolean }[] = [];

  constructor(private readonly failures: (attempt: number) => Error | undefined = () => undefined) {}

  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  render({ sessionId }: VerificationCompleted, { attempt, isReplay }: HandlerContext): void {
    this.runs.push({ sessionId, attempt, isReplay });
    const failure = this.failures(attempt);
    if (failure) throw failure;
  }
}

class Accounts {
  readonly sessionIds: string[] = [];

  @OnVerification(VerificationCompleted, { id: 'accounts' })
  handle({ sessionId }: VerificationCompleted): void {
    this.sessionIds.push(sessionId);
  }
}

const provide = (value: object) => ({ provide: value.constructor, useValue: value });

describe.each(servers)('a handler with a queue, on %s', (kind) => {
  const host = freshQueues(kind);

  it('runs in the worker, and the others where the delivery is', async () => {
    const [here, there] = [new Reports(), new Reports()];
    const [accounts, accountsThere] = [new Accounts(), new Accounts()];
    const web = await host.apps.web([provide(here), provide(accounts)]);
    await host.apps.worker([provide(there), provide(accountsThere)]);
    const bodies = Array.from({ length: 30 }, () => payload());
    for (const body of bodies) expect((await web.post(body)).status).toBe(200);
    for (const { sessionId } of bodies) await web.delivery(sessionId, 'completed');

    const sessions = bodies.map(({ sessionId }) => String(sessionId)).toSorted();
    expect(there.runs.map(({ sessionId }) => sessionId).toSorted()).toEqual(sessions);
    expect(accounts.sessionIds.toSorted()).toEqual(sessions);
    expect([...here.runs, ...accountsThere.sessionIds]).toEqual([]);
    const delivery = await web.delivery(bodies[0]?.sessionId, 'completed');
    expect(delivery.runs.map(({ handler, state, attempts }) => ({ handler, state, attempts }))).toEqual([
      { handler: 'accounts', state: 'completed', attempts: 1 },
      { handler: 'reports.render', state: 'completed', attempts: 1 },
    ]);
  });

  it('is retried by the policy of the inbox', async () => {
    const reports = new Reports((attempt) => (attempt < 3 ? new Error('not yet') : undefined));
    const web = await host.apps.web([provide(new Reports())]);
    await host.apps.worker([provide(reports)]);
    const body = payload();
    await web.post(body);
    await web.delivery(body.sessionId, 'completed');
    expect(reports.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it('is dead in the inbox and failed on a board, where a retry is a replay', async () => {
    let isRepaired = false;
    const reports = new Reports(() => (isRepaired ? undefined : new PermanentError('no')));
    const web = await host.apps.web([provide(new Reports())]);
    await host.apps.worker([provide(reports)]);
    const body = payload();
    await web.post(body);
    await web.delivery(body.sessionId, 'dead');

    const queue = new Queue('reports', { connection: host.redis.connection });
    const [job] = await until('the job has failed', async () => {
      const failed = await queue.getFailed();
      return failed.length > 0 ? failed : null;
    });
    expect(job?.failedReason).toMatch(/^PermanentError: the handler is dead/);
    expect(job?.data).toEqual({ d: expect.any(String), h: 'reports.render' });
    isRepaired = true;
    await job?.retry();
    await web.delivery(body.sessionId, 'completed');
    expect(reports.runs.map(({ isReplay }) => isReplay)).toEqual([false, true]);
    await until('the job has ended', async () => !(await queue.getJob(String(job?.id))));
    expect(await queue.getFailedCount()).toBe(0);
    await queue.close();
  });

  it('leaves nothing in Redis but ids', async () => {
    const web = await host.apps.web([provide(new Reports())]);
    const body = payload();
    await web.post(body);
    const dump = await until('the job waits', async () => {
      const found = await host.redis.dump();
      return found.includes('reports.render') && found;
    });
    expect(dump).toContain(String((await web.delivery(body.sessionId, 'pending')).id));
    for (const value of [body.sessionId, body.externalReferenceId, body.proofHash, 'COMPLETED'])
      expect(dump).not.toContain(String(value));
  });
});
