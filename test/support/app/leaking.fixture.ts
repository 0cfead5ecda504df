/** Every test here lets a canary out, for canaries.spec.ts to see that it fails. Jest does not find this file by itself. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, Logger, type INestApplication } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import type { ServerResponse } from 'node:http';
import { AGENT, HOLDER, SECRET } from './canaries.js';
import { freshHost } from './fresh-host.js';
import { payload } from './payload.js';
import { JSON_TYPE, rawPost } from '../http/raw-post.js';
import { databases } from '../database/databases.js';
import type { WebhookApp } from './webhook-app.js';

@Injectable()
class Talkative {
  @OnVerification()
  tell({ extractedData, externalReferenceId }: VerificationEvent): void {
    const logger = new Logger('Cr3dentialsWebhook');
    if (externalReferenceId === 'name') logger.log(`Verified ${String(Object(extractedData).accountHolder)}`);
    if (externalReferenceId === 'lines') logger.log('one line\nand another');
  }
}

function quoting(text: string) {
  return (nest: INestApplication): void => {
    nest.use((_: unknown, response: ServerResponse) => response.writeHead(401, { 'x-quote': text }).end());
  };
}

describe.each(databases)('on %s', (kind) => {
  const host = freshHost(kind);
  let app: WebhookApp;

  beforeEach(async () => {
    app = await host.start((builder) => builder.withHandlers(Talkative));
  });

  it.each(['name', 'lines'])('%s: a log line', async (externalReferenceId) => {
    const { sessionId, ...rest } = payload({ externalReferenceId });
    expect((await app.post({ sessionId, ...rest })).status).toBe(200);
    await app.delivery(sessionId, 'completed');
  });

  it.each([
    ['cr3dentials_webhook_delivery_state', `claim_id = '${HOLDER}'`],
    ['cr3dentials_webhook_delivery', `tenant = '${SECRET}'`],
    ['cr3dentials_webhook_rejection', `detail = '${AGENT}'`],
    ['cr3dentials_webhook_rejection', `detail = 'It is ${SECRET}.'`],
  ])('a column: %s, %s', async (table, change) => {
    const { sessionId, ...rest } = payload();
    expect((await app.post({ sessionId, ...rest })).status).toBe(200);
    await app.post({ sessionId, ...rest, status: 'UNHEARD_OF' });
    await app.delivery(sessionId, 'completed');
    await (await host.database.connect()).query(`UPDATE ${table} SET ${change}`);
  });
});

describe('whatever the database', () => {
  const host = freshHost('sqlite');

  it('the header of an answer', async () => {
    const app = await host.start((builder) => builder.configured(quoting(SECRET)));
    expect((await app.post(payload())).status).toBe(401);
  });

  it('an answer to bytes', async () => {
    const app = await host.start((builder) => builder.configured(quoting(HOLDER)));
    expect((await rawPost(app.url, { content: '{}', headers: [JSON_TYPE] })).status).toBe(401);
  });

  it.each(['stdout', 'stderr'] as const)('%s', (name) => {
    expect(process[name].write(`${SECRET}\n`)).toEqual(expect.any(Boolean));
  });

  it('the console', () => {
    expect(console.error(new Error(HOLDER))).toBeUndefined();
  });

  describe('at the very end', () => {
    afterEach(() => void process.stderr.write(HOLDER));

    it('a hook', () => {
      expect(host.database.kind).toBe('sqlite');
    });
  });
});
