import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  RetryAfterError,
  type HandlerContext,
  type VerificationEvent,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
} from 'nestjs-cr3dentials-webhook';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { InstanceReporter } from '../../../src/instance-reports/instance.reporter.js';
import { SECRET } from '../../support/app/canaries.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { servers } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const DAY = 86_400_000;
/** More than are kept of its attempts. */
const FAILURES = 55;
const TENANT = 'acme';

type Sent = ReturnType<typeof payload>;

class FailOften {
  readonly #calls = new Map<string, number>();

  @OnVerification({ id: 'busy' })
  fail({ status }: VerificationEvent, { deliveryId }: HandlerContext): void {
    const calls = (this.#calls.get(deliveryId) ?? 0) + 1;
    this.#calls.set(deliveryId, calls);
    if (status === 'COMPLETED' && calls <= FAILURES) throw new RetryAfterError(1);
  }
}

const resolveSecrets = () => ({ secrets: [SECRET], tenant: TENANT });

/** Returns the tables from which the documentation lets the user of the app delete. */
function documentedTables(): string[] {
  const [, rights = ''] = /- The user of the app has .*?and `DELETE` on(.*)/.exec(
    readFileSync('docs/migrations.md', 'utf8'),
  ) ?? [''];
  return [...rights.matchAll(/`(cr3dentials_webhook_\w+)`/g)].map(([, table = '']) => table);
}

describe.each(servers)('a user of the database with the documented rights, on %s', (kind) => {
  const host = freshHost(kind);
  let owner: DataSource;
  let user: string;

  beforeEach(async () => {
    owner = await host.database.connect({
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
    });
    await owner.runMigrations();
    user = `cr3d_${randomBytes(6).toString('hex')}`;
    if (kind === 'postgres') await owner.query(`CREATE ROLE ${user} LOGIN PASSWORD '${SECRET}'`);
    else await owner.query(`CREATE USER ${user} IDENTIFIED BY '${SECRET}'`);
    const { schema } = host.database.options as { schema?: string };
    if (kind === 'postgres') await owner.query(`GRANT USAGE ON SCHEMA ${schema} TO ${user}`);
    for (const { tableName } of owner.entityMetadatas)
      await owner.query(`GRANT SELECT, INSERT, UPDATE ON ${tableName} TO ${user}`);
    for (const table of documentedTables()) await owner.query(`GRANT DELETE ON ${table} TO ${user}`);
  });

  afterEach(async () => {
    const { TEST_POSTGRES_URL = '', TEST_MARIADB_URL = '' } = process.env;
    const server: DataSourceOptions =
      kind === 'postgres' ? { type: kind, url: TEST_POSTGRES_URL } : { type: 'mariadb', url: TEST_MARIADB_URL };
    const connection = await new DataSource(server).initialize(); // what the test had is gone by now
    await connection.query(kind === 'postgres' ? `DROP ROLE ${user}` : `DROP USER ${user}`);
    await connection.destroy();
  });

  function start(clock: MovingClock): Promise<WebhookApp> {
    const url = new URL((host.database.options as { url: string }).url);
    url.username = user;
    url.password = SECRET;
    return host.start((a) =>
      a
        .withClock(clock)
        .withHandlers(FailOften)
        .withDataSource({ url: url.href, migrationsRun: false })
        .withOptions({ auth: { resolveSecrets }, retention: { deliveries: '30d', tombstones: '400d' } }),
    );
  }

  it('has all that an app needs: handlers that fail often, retention, erasing and what instances record', async () => {
    const clock = new MovingClock();
    const app = await start(clock);
    const [often, bad, erased] = [{}, { status: 'NEW' }, { status: 'ERROR' }].map((one) =>
      payload({ completedAt: null, ...one }),
    ) as [Sent, Sent, Sent];
    for (const body of [often, bad, erased]) expect((await app.post(body)).status).toBe(200);
    const { id } = await app.delivery(often.sessionId, 'completed', TENANT);
    expect((await app.inbox.history.attempts(id)).length).toBeLessThanOrEqual(50);
    await app.delivery(erased.sessionId, 'completed', TENANT);
    expect(await app.inbox.erase({ sessionId: String(erased.sessionId), tenant: TENANT })).toMatchObject({
      state: 'done',
    });
    const reporter = app.nest.get(InstanceReporter, { strict: false });
    for (const days of [0, 40]) {
      clock.advance(days * DAY);
      await reporter.write();
    }
    expect(await app.inbox.retention.run()).toMatchObject({ pruned: 1 });
    expect(await app.inbox.erase({ tenant: TENANT })).toMatchObject({ state: 'done' });
    expect(app.logger.matching(/42501|DENIED|denied/)).toEqual([]);
  });
});
