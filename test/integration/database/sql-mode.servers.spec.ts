import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { MariadbServer } from '../../../harness/chaos/servers/mariadb-server.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { inPlainText } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';
import { servers, type TestDatabase } from '../../support/database/databases.js';

/** Each ends a text, and begins SQL, for a driver and a server that disagree about the backslash. */
const NAMES = [
  "O'Roe\\",
  "\\' , NULL, NULL); DROP TABLE cr3dentials_webhook_delivery; -- ",
  "\\\\'' OR ''='",
  '"Jane" \\" /* ',
  'back\\slash \\n \\0 \\% \\_',
];

class Book {
  readonly names: unknown[] = [];

  @OnVerification({ id: 'book', transactional: true })
  async handle(event: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    await manager.insert(Effect, { sessionId: event.sessionId });
    this.names.push((event.extractedData as { accountHolder: unknown }).accountHolder);
  }
}

if (servers.includes('mariadb')) {
  describe('a server to which a backslash is a letter like any other', () => {
    let server: MariadbServer;
    let app: WebhookApp;

    beforeAll(async () => {
      server = await MariadbServer.launch({}, '--sql-mode=NO_BACKSLASH_ESCAPES,ANSI_QUOTES');
      const options = { type: 'mariadb', url: server.administratorUrl } as const;
      const database: Pick<TestDatabase, 'kind' | 'options'> = { kind: 'mariadb', options };
      app = await inPlainText(withEffects(webhookApp(database as TestDatabase)).withHandlers(Book)).start();
    }, 60_000);

    afterAll(async () => {
      await app?.stop();
      await server?.remove();
    });

    it('keeps what was sent as it was sent, and runs none of it', async () => {
      for (const accountHolder of NAMES) {
        const body = JSON.stringify(payload({ externalReferenceId: accountHolder, extractedData: { accountHolder } }));
        const { sessionId } = JSON.parse(body) as { sessionId: string };
        expect((await app.post(body)).status).toBe(200);
        const delivery = await app.delivery(sessionId, 'completed');
        expect(delivery.rawBody?.toString()).toBe(body);
        expect(delivery.externalReferenceId).toBe(accountHolder);
        expect(await effectsOf(app, sessionId)).toBe(1);
      }
      expect(app.nest.get(Book).names).toEqual(NAMES);
      expect(await app.inbox.list({})).toHaveLength(NAMES.length);
    });
  });
}
