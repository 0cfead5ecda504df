import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { webhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { DataSource } from 'typeorm';
import { Account, OutboxMessage } from '../../examples/transactional/account.entity.js';
import { Accounts } from '../../examples/transactional/accounts.js';
import { AppModule } from '../../examples/transactional/app.module.js';
import {
  databases,
  freshDatabase,
  urlOf,
  type DatabaseKind,
  type TestDatabase,
} from '../support/database/databases.js';
import { ExampleProcess } from '../support/app/example-process.js';
import { RememberingLogger } from '../support/app/log.js';
import { payload } from '../support/app/payload.js';
import { until } from '../support/time/until.js';
import { SECRET } from '../support/app/webhook-app.js';

/** The example's handler, which fails after both rows have been written, once. */
class FailAfterWriting extends Accounts {
  /** How many rows of the outbox the transaction saw when it failed. */
  readonly seen: number[] = [];

  @OnVerification(VerificationCompleted, { id: 'accounts.activate', transactional: true })
  override async activate(event: VerificationCompleted, context: HandlerContext): Promise<void> {
    await super.activate(event, context);
    if (this.seen.push(await context.manager.count(OutboxMessage)) === 1) throw new Error('The disk is full.');
  }
}

describe.each(databases)('examples/transactional on %s', (kind: DatabaseKind) => {
  let database: TestDatabase;
  let app: INestApplication;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    process.env.DATABASE_URL = urlOf(database);
    process.env.CR3D_WEBHOOK_SECRET = SECRET;
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  async function start(accounts: typeof Accounts = Accounts): Promise<void> {
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(Accounts)
      .useClass(accounts)
      .setLogger(new RememberingLogger())
      .compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    await app.get(DataSource).getRepository(Account).insert({ reference: 'user_abc123', activations: 0 });
  }

  const webhook = () => webhookTester(app, { secret: SECRET, timeout: 20_000 });

  async function effects() {
    const { manager } = app.get(DataSource);
    const [account] = await manager.find(Account);
    const messages = await manager.find(OutboxMessage);
    return { activations: account?.activations, outbox: messages.map(({ topic, content }) => [topic, content]) };
  }

  it('activates the account and writes the outbox once, however often the session is delivered', async () => {
    await start();
    const body = payload();
    const { delivery } = await webhook().deliver(body, { until: 'finished' });
    await webhook().deliver(body, { until: 'finished' });

    expect(delivery).toMatchObject({
      state: 'completed',
      runs: [{ handler: 'accounts.activate', state: 'completed' }],
    });
    const content = JSON.stringify({ reference: 'user_abc123', sessionId: body.sessionId });
    expect(await effects()).toEqual({ activations: 1, outbox: [['account.activated', content]] });
  });

  it('rolls both back when it fails after having written them, and the retry writes them once', async () => {
    await start(FailAfterWriting);
    const body = payload();
    const { delivery } = await webhook().deliver(body, { until: 'finished' });

    expect(delivery).toMatchObject({ state: 'completed' });
    const failing = app.get<FailAfterWriting>(Accounts);
    expect(failing.seen).toEqual([1, 1]); // the second attempt finds nothing of the first
    expect(await effects()).toMatchObject({ activations: 1, outbox: [['account.activated', expect.any(String)]] });
  });

  it('waits for an account that is not there yet, and has a session without a reference for good', async () => {
    await start();
    const [early, without] = [payload({ externalReferenceId: 'later' }), payload({ externalReferenceId: null })];
    await webhook().deliver(early);
    await app.get(DataSource).getRepository(Account).insert({ reference: 'later', activations: 0 });
    expect(await webhook().finished(String(early.sessionId))).toMatchObject({ state: 'completed' });
    expect((await webhook().deliver(without, { until: 'finished' })).delivery).toMatchObject({ state: 'dead' });
    expect((await effects()).outbox).toHaveLength(1);
  });
});

describe('examples/transactional, killed between its writes and their commit', () => {
  let database: TestDatabase;
  const processes: ExampleProcess[] = [];

  beforeEach(async () => {
    database = await freshDatabase('sqlite');
  });

  afterEach(async () => {
    await Promise.all(processes.map((one) => one.end('SIGKILL')));
    await database.drop();
  });

  async function start(preload: string[] = []): Promise<ExampleProcess> {
    const environment = { DATABASE_URL: urlOf(database), LEASE_DURATION: '1500' };
    const started = await ExampleProcess.start('transactional', environment, preload);
    processes.push(started);
    return started;
  }

  it('has written neither, and the next process writes both once', async () => {
    const victim = await start([fileURLToPath(new URL('../support/app/kill-before-commit.js', import.meta.url))]);
    const connection = await database.connect({ entities: [Account, OutboxMessage] });
    await connection.getRepository(Account).insert({ reference: 'user_abc123', activations: 0 });
    const body = payload();
    const answer = await victim.post(body);
    await until('the victim is dead', () => victim.hasEnded);
    expect(await victim.end()).toBe('SIGKILL');
    expect(await connection.getRepository(Account).find()).toMatchObject([{ activations: 0 }]);
    expect(await connection.getRepository(OutboxMessage).count()).toBe(0);

    const survivor = await start();
    expect(answer ?? (await survivor.post(body))).toBe(200); // a sender that had no answer sends again
    await until('the outbox is written', () => connection.getRepository(OutboxMessage).count());
    expect(await survivor.post(body)).toBe(200);
    await survivor.end();
    expect(await connection.getRepository(Account).find()).toMatchObject([{ activations: 1 }]);
    expect(await connection.getRepository(OutboxMessage).count()).toBe(1);
  });
});
