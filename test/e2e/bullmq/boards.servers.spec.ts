import { describe, expect, it } from '@jest/globals';
import { Injectable, type DynamicModule, type INestApplication } from '@nestjs/common';
import { BullModule, getQueueToken, InjectQueue, Processor, WorkerHost } from '@nestjs/bullmq';
import type { Job, Queue } from 'bullmq';
import { OnVerification, PermanentError, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { createRequire } from 'node:module';
import { payload } from '../../support/app/payload.js';
import { freshQueues } from '../../support/app/queue-apps.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

// Jest does not see what these packages export by name.
const require = createRequire(import.meta.url);
const { createBullBoard } = require('@bull-board/api') as typeof import('@bull-board/api');
const { BullMQAdapter } = require('@bull-board/api/bullMQAdapter') as typeof import('@bull-board/api/bullMQAdapter');
const { ExpressAdapter } = require('@bull-board/express') as typeof import('@bull-board/express');

class Reports {
  isRepaired = false;
  runs = 0;

  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  render(): void {
    this.runs++;
    if (!this.isRepaired) throw new PermanentError('no');
  }
}

/** The host's own queue, by `@nestjs/bullmq`. */
@Processor('mails')
class Mails extends WorkerHost {
  readonly sent: unknown[] = [];

  override process({ data }: Job): Promise<void> {
    this.sent.push(data);
    return Promise.resolve();
  }
}

@Injectable()
class Sender {
  constructor(
    @InjectQueue('mails') readonly mails: Queue,
    @InjectQueue('reports') readonly reports: Queue,
  ) {}
}

/** What a board shows, and does for whoever clicks. */
class Board {
  constructor(private readonly url: string) {}

  async queues(): Promise<{ name: string; counts: Record<string, number>; jobs: Record<string, unknown>[] }[]> {
    const answer = await fetch(`${this.url}/queues/api/queues?activeQueue=reports&status=failed`);
    return ((await answer.json()) as { queues: [] }).queues;
  }

  async failed(): Promise<Record<string, unknown>[]> {
    return (await this.queues()).find(({ name }) => name === 'reports')?.jobs ?? [];
  }

  retry(id: unknown): Promise<number> {
    return this.put(`${String(id)}/retry`);
  }

  retryAll(): Promise<number> {
    return this.put('retry/failed');
  }

  async put(path: string): Promise<number> {
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${this.url}/queues/api/queues/reports/${path}`, { method: 'PUT', headers, body: '{}' }))
      .status;
  }
}

function withBoard(app: INestApplication): void {
  const board = new ExpressAdapter();
  board.setBasePath('/queues');
  const queues = ['mails', 'reports'].map((name) => new BullMQAdapter(app.get<Queue>(getQueueToken(name), ANYWHERE)));
  createBullBoard({ queues, serverAdapter: board });
  app.use('/queues', board.getRouter());
}

const ANYWHERE = { strict: false };

/** Queues remove a job that has ended. */
async function untilGone(app: WebhookApp, jobId: unknown): Promise<void> {
  const { reports } = app.nest.get(Sender);
  await until('the job has ended', async () => !(await reports.getJob(String(jobId))));
}

async function died(app: WebhookApp, board: Board) {
  const body = payload();
  await app.post(body);
  const { id } = await app.delivery(body.sessionId, 'dead');
  const job = await until('the board shows it', async () => (await board.failed())[0]);
  return { body, id, job };
}

describe.each(servers)('queues beside those of @nestjs/bullmq, on a Bull Board, on %s', (kind) => {
  const host = freshQueues(kind);

  async function start(reports: Reports, ...others: DynamicModule[]): Promise<WebhookApp> {
    const builder = webhookApp(host.database)
      .importing(BullModule.forRoot({ connection: host.redis.connection }))
      .importing(BullModule.registerQueue({ name: 'mails' }), ...others)
      .configured(withBoard);
    return host.apps.start(builder, [{ provide: Reports, useValue: reports }, Mails, Sender]);
  }

  it('are injected and shown as the others, and neither takes jobs of the other', async () => {
    const app = await start(Object.assign(new Reports(), { isRepaired: true }));
    const sender = app.nest.get(Sender);
    await sender.mails.add('welcome', { to: 1 });
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    await until('the mail is sent', () => app.nest.get(Mails).sent.length === 1);
    expect(sender.reports.name).toBe('reports');
    const shown = await new Board(app.url).queues();
    expect(shown.map(({ name }) => name).toSorted()).toEqual(['mails', 'reports']);
  });

  it('have a dead run as a failed job with ids and a reason, and its retry is a replay', async () => {
    const reports = new Reports();
    const app = await start(reports);
    const board = new Board(app.url);
    const { body, id, job } = await died(app, board);
    expect(job).toMatchObject({ name: 'reports.render', data: { d: id, h: 'reports.render' } });
    expect(job?.failedReason).toMatch(/^PermanentError: the handler is dead/);
    reports.isRepaired = true;
    expect(await board.retry(job?.id)).toBe(204);
    await app.delivery(body.sessionId, 'completed');
    expect(reports.runs).toBe(2);
    await untilGone(app, job?.id);
  });

  it('replay all dead runs when a board is asked to retry all', async () => {
    const reports = new Reports();
    const app = await start(reports);
    const board = new Board(app.url);
    const dead = [await died(app, board), await died(app, board)];
    await until('the board shows both', async () => (await board.failed()).length === 2);
    reports.isRepaired = true;
    expect(await board.retryAll()).toBe(200);
    for (const { body } of dead) await app.delivery(body.sessionId, 'completed');
    expect(reports.runs).toBe(4);
  });

  it('change nothing in the inbox when a board removes what is shown, or is asked to retry what was replayed', async () => {
    const reports = new Reports();
    const app = await start(reports);
    const board = new Board(app.url);
    const { body, id, job } = await died(app, board);
    reports.isRepaired = true;
    await app.inbox.replay(id, { reason: 'repaired' });
    await app.delivery(body.sessionId, 'completed');
    expect(await board.retry(job?.id)).toBe(204);
    await untilGone(app, job?.id);
    expect(reports.runs).toBe(2);
    expect((await app.delivery(body.sessionId, 'completed')).id).toBe(id);
    await app.nest.get(Sender).reports.obliterate({ force: true });
    expect((await app.delivery(body.sessionId, 'completed')).id).toBe(id);
  });

  it('may be registered with @nestjs/bullmq as well', async () => {
    const app = await start(
      Object.assign(new Reports(), { isRepaired: true }),
      BullModule.registerQueue({ name: 'reports' }),
    );
    const body = payload();
    await app.post(body);
    expect(await app.delivery(body.sessionId, 'completed')).toMatchObject({ runs: [{ attempts: 1 }] });
  });
});
