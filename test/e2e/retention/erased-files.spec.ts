import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { DatabaseConnection } from '../../../src/database/database.connection.js';
import { raw } from '../../../src/database/sql.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { inPlainText } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const DAY_MS = 86_400_000;

/** Texts of 200 short deliveries and 20 that are longer than a page. */
async function fill(app: WebhookApp, reference: string): Promise<string[]> {
  const words = Array.from({ length: 220 }, () => `holder-${randomUUID()}`);
  const bodies = words.map((accountHolder, n) => {
    const extractedData = { ...(n % 11 === 0 && { filler: 'x'.repeat(12_000) }), accountHolder };
    return payload({ externalReferenceId: reference, completedAt: null, extractedData });
  });
  await Promise.all(bodies.map((body) => app.post(body)));
  for (const { sessionId } of bodies) await app.inbox.discard((await app.delivery(sessionId, 'pending')).id);
  return words;
}

describe('what was removed from a SQLite inbox', () => {
  const host = freshHost('sqlite');

  async function filesWith(words: readonly string[]): Promise<string[]> {
    const { database } = host.database.options as { database: string };
    const texts = await Promise.all(
      ['', '-wal', '-journal'].map((end) => readFile(database + end, 'latin1').catch(() => '')),
    );
    return words.filter((word) => texts.some((text) => text.includes(word)));
  }

  async function start() {
    const clock = new MovingClock();
    const retention = { payload: '30d', interval: DAY_MS * 20 } as const;
    const app = await host.start((a) =>
      inPlainText(a)
        .withOptions({ ...RECEIVE_ONLY, retention })
        .withClock(clock),
    );
    return { app, clock };
  }

  describe.each([
    ['erased', (app: WebhookApp) => app.inbox.erase({ externalReferenceId: 'reference-8841' })],
    ['purged', (app: WebhookApp) => app.inbox.retention.run()],
  ])('and %s', (_, remove) => {
    it('is in no file, and not in its log', async () => {
      const { app, clock } = await start();
      const words = await fill(app, 'reference-8841');
      expect(await filesWith(words)).toHaveLength(words.length);
      clock.advance(31 * DAY_MS);
      await remove(app);
      expect(await filesWith(words)).toEqual([]);
      await host.stop(app);
      expect(await filesWith(words)).toEqual([]);
    });

    it('control: is found if what is deleted is not overwritten', async () => {
      const { app, clock } = await start();
      await app.nest.get(DatabaseConnection, { strict: false }).execute(raw('PRAGMA secure_delete = OFF'));
      const words = await fill(app, 'reference-8841');
      clock.advance(31 * DAY_MS);
      await remove(app);
      expect((await filesWith(words)).length).toBeGreaterThan(0);
    });
  });
});
