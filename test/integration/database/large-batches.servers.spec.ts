import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MariadbServer } from '../../../harness/chaos/servers/mariadb-server.js';
import { servers, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const ATTEMPTS = 3;

for (const kind of servers.filter((one) => one === 'mariadb')) {
  describe(`a ${kind} server that takes packets of 1 MiB`, () => {
    let server: MariadbServer;
    let app: WebhookApp;

    beforeAll(async () => {
      server = await MariadbServer.launch();
      await server.query('SET GLOBAL max_allowed_packet = 1048576');
      const options = { type: 'mariadb', url: server.administratorUrl } as const;
      app = await webhookApp({ kind, options } as TestDatabase)
        .configured((host) => {
          (host as unknown as { useBodyParser(type: string, options: object): void }).useBodyParser('json', {
            limit: '1mb',
          });
        })
        .start();
    });

    afterAll(async () => {
      await app?.stop();
      await server?.remove();
    });

    it.each([
      ['full of quotes', '"'],
      ['full of backslashes', '\\'],
      ['of plain text', 'x'],
    ])('takes many bodies at once, %s', async (_, text) => {
      const all = text.repeat(60_000 / JSON.stringify(text).length);
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const bodies = Array.from({ length: 40 }, () => payload({ extractedData: { all } }));
        const answers = await Promise.all(bodies.map((body) => app.post(body)));
        expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      }
    });
  });
}
