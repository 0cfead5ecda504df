import { describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import type { Logger } from 'typeorm';
import { HOLDER } from '../../support/app/canaries.js';
import { FailOnceWhenErrored } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

/** Writes everything that TypeORM can tell, as a host does that looks for slow queries. */
class WriteEverything implements Logger {
  readonly lines: string[] = [];

  logQuery = (query: string, parameters?: unknown): void => this.write('query', query, parameters);
  logQueryError = (error: string | Error, query: string, parameters?: unknown): void =>
    this.write('error', String(error), query, parameters);
  logQuerySlow = (_: number, query: string, parameters?: unknown): void => this.write('slow', query, parameters);
  logSchemaBuild = (message: string): void => this.write('schema', message);
  logMigration = (message: string): void => this.write('migration', message);
  log = (_: string, message: unknown): void => this.write('log', message);

  private write(...words: unknown[]): void {
    this.lines.push(JSON.stringify(words));
  }
}

class InATransaction {
  @OnVerification({ id: 'transactional', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    await manager.query(`SELECT '${sessionId}' AS written_by_the_handler`);
  }
}

describe.each(databases)("TypeORM's logger of the host, on %s", (kind) => {
  const host = freshHost(kind);

  it('gets nothing of the payload, whatever it logs and whatever fails', async () => {
    const logger = new WriteEverything();
    const app = await host.start((a) =>
      a
        .withDataSource({ logging: 'all', logger, maxQueryExecutionTime: 1e-9 } as object)
        .withHandlers(FailOnceWhenErrored, InATransaction),
    );
    const body = payload({ status: 'ERROR' });
    for (const one of [body, body, { ...body, platformId: 2 }, { ...body, platformId: 'one' }]) await app.post(one);
    const { id } = await app.delivery(body.sessionId, 'completed');
    await app.inbox.replay(id, { handlers: ['fail-once'] });
    await app.delivery(body.sessionId, 'completed');
    await (await host.database.connect()).query('DROP TABLE cr3dentials_webhook_rejection');
    expect(await app.post({ ...body, platformId: 3 })).toMatchObject({ status: 503 });
    await (await host.database.connect()).query('DROP TABLE cr3dentials_webhook_delivery_state');
    expect(await app.post(payload())).toMatchObject({ status: 503 });

    const all = logger.lines.join('\n');
    expect(all).toContain('written_by_the_handler'); // the control: it is told of what the handlers do
    expect(all).not.toContain(HOLDER);
    expect(all).not.toContain('accountHolder');
    expect(all).not.toMatch(/raw_body.*VALUES/);
  });
});
