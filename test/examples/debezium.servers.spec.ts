import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { webhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { AppModule } from '../../examples/debezium/app.module.js';
import { Forwarder } from '../../examples/debezium/forwarder.js';
import { OutboxMessage } from '../../examples/debezium/outbox.entity.js';
import { HOLDER } from '../support/app/canaries.js';
import { RememberingLogger } from '../support/app/log.js';
import { payload } from '../support/app/payload.js';
import { SECRET } from '../support/app/webhook-app.js';
import { freshDatabase, servers, urlOf, type TestDatabase } from '../support/database/databases.js';

/** The example's handler, which fails after it has written, once. */
class FailAfterWriting extends Forwarder {
  calls = 0;

  @OnVerification({ id: 'outbox.write', transactional: true })
  override async write(event: VerificationEvent, context: HandlerContext): Promise<void> {
    await super.write(event, context);
    if (++this.calls === 1) throw new Error('The disk is full.');
  }
}

const OUTBOX_PUBLICATION = `cr3d_outbox_${randomBytes(4).toString('hex')}`;
const postgres = servers.filter((kind) => kind === 'postgres');

describe.each(postgres)('examples/debezium on %s', (kind) => {
  let database: TestDatabase;
  let app: INestApplication;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    Object.assign(process.env, { DATABASE_URL: urlOf(database), CR3D_WEBHOOK_SECRET: SECRET, OUTBOX_PUBLICATION });
  });

  afterEach(async () => {
    await app.get(DataSource).query(`DROP PUBLICATION ${OUTBOX_PUBLICATION}`);
    await app.close();
    await database.drop();
  });

  async function start(forwarder: typeof Forwarder): Promise<DataSource> {
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(Forwarder)
      .useClass(forwarder)
      .setLogger(new RememberingLogger())
      .compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    return app.get(DataSource);
  }

  it.each([
    ['at once', Forwarder],
    ['when it fails after it has written', FailAfterWriting],
  ])('writes one row for a delivery, without personal data: %s', async (_, handler) => {
    const dataSource = await start(handler);
    const body = payload();
    const { delivery } = await webhookTester(app, { secret: SECRET }).deliver(body, { until: 'finished' });
    expect(delivery).toMatchObject({ state: 'completed' });
    const rows = await dataSource.manager.find(OutboxMessage);
    const { sessionId, status, platformId, externalReferenceId } = body;
    const content = { deliveryId: delivery?.id, sessionId, status, platformId, externalReferenceId };
    const row = { aggregateType: 'verification', aggregateId: sessionId, type: 'COMPLETED' };
    expect(rows).toMatchObject([{ ...row, payload: content }]);
    expect(JSON.stringify(rows)).not.toContain(HOLDER);
  });

  it('publishes the rows that are written, and neither what is removed nor the inbox', async () => {
    const dataSource = await start(Forwarder);
    const [{ schema } = { schema: '' }] = await dataSource.query<{ schema: string }[]>(
      'SELECT current_schema AS schema',
    );
    expect(
      await dataSource.query(
        `SELECT t.tablename, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate FROM pg_publication p
         JOIN pg_publication_tables t ON t.pubname = p.pubname WHERE t.schemaname = $1`,
        [schema],
      ),
    ).toEqual([{ tablename: 'outbox', pubinsert: true, pubupdate: false, pubdelete: false, pubtruncate: false }]);
  });
});
