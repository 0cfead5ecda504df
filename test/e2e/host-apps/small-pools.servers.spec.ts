import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { servers } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** Has a transaction, and asks the pool for another connection. */
@Injectable()
class QueryBesideTheTransaction {
  begun = 0;

  constructor(private readonly dataSource: DataSource) {}

  @OnVerification({ id: 'beside', transactional: true })
  async handle(_: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    this.begun++;
    await manager.query('SELECT 1');
    await this.dataSource.query('SELECT 1');
  }
}

async function warnings(app: WebhookApp): Promise<string[]> {
  await until('the boot has been summed up', () => app.logger.matching(/Handlers by status/)[0]);
  return app.logger.matching(/^WARN The pool of the app/);
}

describe.each(servers)('a pool of the host that is small, on %s', (kind) => {
  const host = freshHost(kind);

  const boot = (poolSize: number, handler: new (...args: never[]) => object, handlerTimeout = 60_000) =>
    host.start((a) =>
      a
        .withDataSource({ poolSize })
        .withHandlers(handler)
        .withOptions({ processing: { handlerTimeout, retry: { attempts: 1 } } }),
    );

  it('receives while its only connection is a handler’s, and is warned of', async () => {
    const app = await boot(1, QueryBesideTheTransaction, 500);
    expect(await warnings(app)).toEqual([
      'WARN The pool of the app has 1 connection, and a transactional handler keeps one while it runs. Its other queries, and those of the app, may wait for that one. Set poolSize to 5 or more. Cr3dentialsWebhook',
    ]);
    const body = payload();
    await app.post(body);
    await until('its handler waits for itself', () => app.nest.get(QueryBesideTheTransaction).begun === 1);
    for (const other of Array.from({ length: 10 }, () => payload()))
      expect(await app.post(other)).toMatchObject({ status: 200 });
    expect(await app.delivery(body.sessionId, 'dead')).toMatchObject({ runs: [{ state: 'dead' }] });
  });

  it('is warned of up to four connections, and where a handler is transactional', async () => {
    expect(await warnings(await boot(4, QueryBesideTheTransaction))).toHaveLength(1);
    expect(await warnings(await boot(5, QueryBesideTheTransaction))).toEqual([]);
    expect(await warnings(await boot(1, SucceedAtOnce))).toEqual([]);
  });
});
