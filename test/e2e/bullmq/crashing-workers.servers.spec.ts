import { afterEach, describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { payload } from '../../support/app/payload.js';
import { freshQueues } from '../../support/app/queue-apps.js';
import { QueueWorkerProcess } from '../../support/app/queue-worker-process.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

class Reports {
  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  render(): void {}
}

const HOUR_MS = 3_600_000;

async function post(web: WebhookApp, externalReferenceId: string): Promise<string> {
  const body = payload({ externalReferenceId });
  expect((await web.post(body)).status).toBe(200);
  return String(body.sessionId);
}

async function runOf(web: WebhookApp, sessionId: string) {
  const delivery = await web.inbox.find({ sessionId });
  return { state: delivery?.state, ...delivery?.runs[0] };
}

async function ended(web: WebhookApp, sessionId: string) {
  const isOver = async () => ['completed', 'dead'].includes(String((await web.inbox.find({ sessionId }))?.state));
  await until(`${sessionId} has ended`, isOver, 60_000);
  return runOf(web, sessionId);
}

describe.each(servers)('worker processes of a queue, on %s', (kind) => {
  const host = freshQueues(kind);
  const workers: QueueWorkerProcess[] = [];

  afterEach(() => {
    for (const worker of workers.splice(0)) worker.stop();
  });

  function work(environment: Record<string, string> = {}): QueueWorkerProcess {
    const worker = new QueueWorkerProcess(host.database, host.redis, environment);
    workers.push(worker);
    return worker;
  }

  it('that one delivery kills run all others, and it is dead after three times', async () => {
    const web = await host.apps.web([{ provide: Reports, useValue: new Reports() }]);
    const slow = [await post(web, 'slow'), await post(web, 'slow'), await post(web, 'slow')];
    const poison = await post(web, 'crash');
    const worker = work();
    expect(await ended(web, poison)).toMatchObject({ state: 'dead', attempts: 0 });
    for (const sessionId of slow)
      expect(await ended(web, sessionId)).toMatchObject({ state: 'completed', attempts: 1 });
    expect(worker.crashes).toBe(3);
  }, 120_000);

  it('whose clocks are an hour apart from the web app run each delivery once, and none is taken from another', async () => {
    const web = await host.apps.web([{ provide: Reports, useValue: new Reports() }]);
    const processes = [HOUR_MS, -HOUR_MS].map((ahead) => work({ CLOCK_AHEAD: String(ahead), SLOW: '4500' }));
    const sessionIds: string[] = [];
    for (let n = 0; n < 6; n++) sessionIds.push(await post(web, n % 2 === 0 ? 'slow' : 'quick'));
    for (const sessionId of sessionIds)
      expect(await ended(web, sessionId)).toMatchObject({ state: 'completed', attempts: 1, lastError: null });
    expect(processes.flatMap(({ begun }) => begun).toSorted()).toEqual(sessionIds.toSorted());
  }, 60_000);
});
