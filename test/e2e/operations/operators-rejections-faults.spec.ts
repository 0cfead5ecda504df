import { describe, expect, it } from '@jest/globals';
import { inPlainText } from '../../support/app/keys.js';
import { Rejection } from '../../../src/inbox/rejection.entity.js';
import { DataSource } from 'typeorm';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

const MARK = '\uFEFF';

async function rejected(app: WebhookApp, body: Record<string, unknown>): Promise<string> {
  await app.post(body);
  const [rejection] = await app.inbox.rejections.list();
  return rejection?.id ?? '';
}

describe.each(databases)('accepting a rejection, on %s', (kind) => {
  const host = freshHost(kind);

  function start(): Promise<WebhookApp> {
    return host.start((a) => inPlainText(a).withHandlers(SucceedAtOnce));
  }

  it.each([
    ['none', '', 'a b'],
    ['one before the text, as some editors put it', MARK, 'a b'],
    ['one within the text, which belongs to it', '', `a${MARK}b`],
  ])('reads a body with byte order marks: %s', async (_, before, externalReferenceId) => {
    const app = await start();
    const broken = payload({ platformId: 'one', externalReferenceId });
    const id = await rejected(app, broken);
    const rawBody = before + JSON.stringify({ ...broken, platformId: 1 });
    await app.nest.get(DataSource).getRepository(Rejection).update(id, { rawBody });

    expect(await app.inbox.rejections.accept(id)).toBe('accepted');
    expect(await app.delivery(broken.sessionId, 'completed')).toMatchObject({ externalReferenceId, rawBody });
  });

  it('treats a body of only a byte order mark as an empty object', async () => {
    const app = await start();
    const id = await rejected(app, payload({ platformId: 'one' }));
    await app.nest.get(DataSource).getRepository(Rejection).update(id, { rawBody: MARK });

    expect(await app.inbox.rejections.accept(id)).toBe('rejected');
  });

  it('changes nothing when it fails midway, and can be repeated', async () => {
    const app = await start();
    const first = payload();
    await app.post(first);
    const before = await app.delivery(first.sessionId, 'completed');
    const id = await rejected(app, { ...first, status: 'ERROR' });
    const beside = await host.database.connect();
    await beside.query('ALTER TABLE cr3dentials_webhook_handler_run RENAME TO elsewhere');
    await expect(app.inbox.rejections.accept(id)).rejects.toThrow(/handler_run/);
    await beside.query('ALTER TABLE elsewhere RENAME TO cr3dentials_webhook_handler_run');

    expect(await app.inbox.find(before.id)).toEqual(before);
    expect(await app.inbox.rejections.list()).toMatchObject([{ id, state: 'open' }]);
    expect(await app.inbox.rejections.accept(id)).toBe('accepted');
    expect(await app.delivery(first.sessionId, 'completed')).toMatchObject({ id: before.id, status: 'ERROR' });
  });
});
