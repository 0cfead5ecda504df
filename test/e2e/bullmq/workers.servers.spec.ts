import { describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gate } from '../../support/app/fresh-host.js';
import { freshQueues, QueueApps } from '../../support/app/queue-apps.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';
import { freshDatabase, servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

class Reports {
  readonly runs: { attempt: number }[] = [];
  readonly signals: AbortSignal[] = [];
  completed = 0;
  gate: Gate | undefined;

  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  async render(_: VerificationCompleted, { attempt, signal }: HandlerContext): Promise<void> {
    this.runs.push({ attempt });
    this.signals.push(signal);
    await this.gate?.pass();
    signal.throwIfAborted();
    this.completed++;
  }
}

class RenamedReports extends Reports {
  @OnVerification(VerificationCompleted, { id: 'reports.print', queue: 'reports' })
  override render(event: VerificationCompleted, context: HandlerContext): Promise<void> {
    return super.render(event, context);
  }
}

class TransactionalReports {
  calls = 0;

  constructor(private readonly gate?: Gate) {}

  @OnVerification(VerificationCompleted, { id: 'reports.book', queue: 'reports', transactional: true })
  async book({ deliveryId }: VerificationCompleted, { manager }: HandlerContext): Promise<void> {
    this.calls++;
    await manager.query(`INSERT INTO effect (delivery) VALUES ('${deliveryId}')`);
    await this.gate?.pass();
    if (this.calls === 1 && !this.gate) throw new Error('not yet');
  }
}

const provide = (value: object) => ({ provide: value.constructor, useValue: value });

async function post(web: WebhookApp): Promise<string> {
  const body = payload();
  expect((await web.post(body)).status).toBe(200);
  return String(body.sessionId);
}

describe.each(servers)('the workers of a queue, on %s', (kind) => {
  const host = freshQueues(kind);

  it('may be of another codebase, with a handler that the web app does not have', async () => {
    const reports = new Reports();
    const remoteHandlers = [{ id: 'reports.render', events: [VerificationCompleted], queue: 'reports' }];
    const web = await host.apps.web([], { remoteHandlers });
    await host.apps.worker([provide(reports)]);
    await web.delivery(await post(web), 'completed');
    expect(reports.runs).toEqual([{ attempt: 1 }]);
  });

  it('tell of a handler that they do not have, whose runs wait', async () => {
    const web = await host.apps.web([provide(new Reports())]);
    await host.apps.worker([]);
    const sessionId = await post(web);
    await until('it is told of', () => host.apps.hasLogged(/named the handler "reports.render", which this instance/));
    expect((await web.delivery(sessionId, 'pending')).runs).toMatchObject([{ state: 'pending', attempts: 0 }]);
  });

  it('leave the runs of a handler that was renamed pending, and run the new one', async () => {
    let web = await host.apps.web([provide(new Reports())]);
    const sessionId = await post(web);
    await until('a job waits', () => host.redis.use((client) => client.llen('bull:reports:wait')));
    await host.apps.stop();
    await host.redis.flush();
    const renamed = new RenamedReports();
    web = await host.apps.web([provide(new RenamedReports())]);
    await host.apps.worker([provide(renamed)]);
    await until('the new one has run', () => renamed.runs.length === 1);
    await until('the old one is told of', () => host.apps.hasLogged(/waited for the handler "reports.render"/));
    const statesOf = async () => {
      const { runs } = await web.delivery(sessionId, 'pending');
      return runs.map(({ handler, state }) => `${handler} ${state}`);
    };
    await until('the outcome is written', async () => (await statesOf()).includes('reports.print completed'));
    expect(await statesOf()).toEqual(['reports.print completed', 'reports.render pending']);
  });

  /** Posts, and resolves once a worker runs the handler, which waits at its gate. */
  async function running(reports: Reports): Promise<{ web: WebhookApp; sessionId: string; gate: Gate }> {
    const gate = (reports.gate = new Gate());
    const web = await host.apps.web([provide(new Reports())]);
    await host.apps.worker([provide(reports)]);
    const sessionId = await post(web);
    await until('it runs', () => reports.runs.length === 1);
    await web.delivery(sessionId, 'pending');
    return { web, sessionId, gate };
  }

  it('come to the end of a handler before its delivery is erased', async () => {
    const reports = new Reports();
    const { web, sessionId, gate } = await running(reports);
    let isErased = false;
    const erasing = web.inbox.erase({ sessionId }).finally(() => (isErased = true));
    await sleep(600);
    expect(isErased).toBe(false);
    gate.open();
    expect(await erasing).toMatchObject({ state: 'done', deliveries: 1, interrupted: 0 });
    expect(reports.completed).toBe(1);
  });

  it('abort a handler that takes longer than an erasure waits', async () => {
    const reports = new Reports();
    const { web, sessionId, gate } = await running(reports);
    const erasure = await web.inbox.erase({ sessionId }, { wait: 300 });
    expect(erasure).toMatchObject({ state: 'done', deliveries: 1, unprocessed: 1, interrupted: 1 });
    await until('its signal is aborted', () => reports.signals[0]?.aborted);
    gate.open();
  });

  it('commit the writes of a transactional handler once, with its completion', async () => {
    const connection = await host.database.connect();
    await connection.query('CREATE TABLE effect (delivery varchar(36) NOT NULL)');
    const reports = new TransactionalReports();
    const web = await host.apps.web([provide(new TransactionalReports())]);
    await host.apps.worker([provide(reports)]);
    const { id, runs } = await web.delivery(await post(web), 'completed');
    expect(reports.calls).toBe(2); // the first has failed
    expect(await connection.query('SELECT delivery FROM effect')).toEqual([{ delivery: id }]);
    expect(runs.map(({ state }) => state)).toEqual(['completed']);
    const attempts = await web.inbox.history.attempts(id);
    expect(attempts.map(({ attempt, outcome, error }) => [attempt, outcome, error])).toEqual([
      [1, 'failed', 'Error: not yet'],
      [2, 'completed', null],
    ]);
    await connection.destroy();
  });

  it('keep a transactional run for longer than its lease', async () => {
    const connection = await host.database.connect();
    await connection.query('CREATE TABLE effect (delivery varchar(36) NOT NULL)');
    const gate = new Gate();
    const [first, second] = [new TransactionalReports(gate), new TransactionalReports(gate)];
    const web = await host.apps.web([provide(new TransactionalReports())], { requeueAfter: 500 });
    await host.apps.worker([provide(first)]);
    await host.apps.worker([provide(second)]);
    const sessionId = await post(web);
    await until('it runs', () => gate.arrivals === 1);
    const begunAt = performance.now();
    await until('two leases are over', () => performance.now() - begunAt > 4_500);
    gate.open();
    await web.delivery(sessionId, 'completed');
    expect(first.calls + second.calls).toBe(1);
    expect(await connection.query('SELECT delivery FROM effect')).toHaveLength(1);
    await connection.destroy();
  });

  it('give a run back at a shutdown that waits no longer, with no attempt used up', async () => {
    const [interrupted, reports] = [new Reports(), new Reports()];
    interrupted.gate = new Gate();
    const web = await host.apps.web([provide(new Reports())]);
    const stopping = await host.apps.start(
      webhookApp(host.database).withOptions({ receive: false, processing: { enabled: false, drainTimeout: 100 } }),
      [provide(interrupted)],
    );
    const sessionId = await post(web);
    await until('it runs', () => interrupted.runs.length === 1);
    await stopping.stop();
    await host.apps.worker([provide(reports)]);
    await web.delivery(sessionId, 'completed');
    expect(reports.runs).toEqual([{ attempt: 1 }]);
  });

  it('are not needed in tests: enabled: false runs the handlers where the delivery is, and connects to nothing', async () => {
    const reports = new Reports();
    await host.redis.kill();
    const web = await host.apps.web([provide(reports)], { enabled: false });
    await web.delivery(await post(web), 'completed');
    expect(reports.runs).toHaveLength(1);
  });
});

describe.each(servers)('a boot with queues, on %s', (kind) => {
  const host = freshQueues(kind);

  it('stops for a handler whose queue is not configured', async () => {
    await expect(host.apps.web([provide(new Reports())], { queues: { mails: {} } })).rejects.toThrow(
      'The handler "reports.render" is for the queue "reports", which is not configured. Add it to "queues", or name one of mails.',
    );
  });

  it('stops for a handler with a queue where no module has queues', async () => {
    const start = webhookApp(host.database).withHandlers(provide(new Reports())).start();
    await expect(start).rejects.toThrow(/this app has no module of queues\. Import Cr3dentialsWebhookBullMqModule/);
  });

  it('stops on SQLite, which workers elsewhere cannot open', async () => {
    const file = await freshDatabase('sqlite');
    await expect(new QueueApps(file, host.redis).web([provide(new Reports())])).rejects.toMatchObject({
      code: 'QUEUE_NEEDS_SERVER',
    });
    await file.drop();
  });
});
