import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EveryHost, type Host } from '../support/app/every-host.js';
import { readStoredRows } from '../support/database/stored-rows.js';
import { payload } from '../support/app/payload.js';
import { SlowPost } from '../support/http/slow-post.js';
import { until } from '../support/time/until.js';

const SENDERS = 500;
/** So many bytes are left to be sent, one at a time. */
const BYTES_LEFT = 20;
const ACK_TIMEOUT = 10_000;

const isAnswered = (sender: SlowPost): boolean => sender.answer !== '';

describe(`${SENDERS} senders that send a byte at a time`, () => {
  let every: EveryHost;

  beforeAll(async () => {
    every = await EveryHost.start();
  });

  afterAll(() => every?.stop());

  it('delay nobody else, and are answered when they have sent everything', async () => {
    for (const { app, database } of every.hosts) {
      const senders = await slowSenders(app.url);
      try {
        for (let byte = 0; byte < BYTES_LEFT; byte++) {
          expect(senders.filter(isAnswered)).toEqual([]);
          const start = performance.now();
          expect((await app.post(payload())).status).toBe(200);
          expect(performance.now() - start).toBeLessThan(ACK_TIMEOUT);
          for (const sender of senders) sender.send(1);
        }
        for (const sender of senders) sender.finish();
        await until('all are answered', () => senders.every(isAnswered));
        expect(senders.filter(({ answer }) => !answer.startsWith('HTTP/1.1 200 '))).toEqual([]);
        expect((await readStoredRows(database)).deliveries.length).toBe(SENDERS + BYTES_LEFT);
      } finally {
        for (const sender of senders) sender.leave();
      }
    }
  }, 120_000);

  it('leave nothing behind when they disconnect before they have sent everything', async () => {
    for (const { app, database } of every.hosts) {
      const before = await readStoredRows(database);
      const senders = await slowSenders(app.url);
      for (const sender of senders) sender.leave();
      expect((await app.post(payload())).status).toBe(200);
      const after = await readStoredRows(database);
      expect(after.deliveries.length).toBe(before.deliveries.length + 1);
      expect(after.rejections).toEqual(before.rejections);
    }
  }, 120_000);
});

describe('a host with a limit of a few connections', () => {
  it('is seen to leave the other senders without an answer', async () => {
    const every = await EveryHost.start((builder) =>
      builder.configured((host) => void ((host.getHttpServer() as { maxConnections: number }).maxConnections = 10)),
    );
    try {
      const [{ app }] = every.hosts as [Host];
      const senders = await slowSenders(app.url);
      for (const sender of senders) sender.finish();
      await until('the others are turned away', () => senders.filter(({ isOpen }) => !isOpen).length === SENDERS - 10);
      expect(senders.filter(isAnswered).length).toBeLessThanOrEqual(10);
      for (const sender of senders) sender.leave();
    } finally {
      await every.stop();
    }
  });
});

/** Half of them are still in their headers, half in their bodies. */
function slowSenders(url: string): Promise<SlowPost[]> {
  return Promise.all(
    Array.from({ length: SENDERS }, async (_, index) => {
      const post = await SlowPost.to(url, JSON.stringify(payload()));
      post.sendUpTo(index % 2 ? 'its headers' : 'its body', BYTES_LEFT);
      return post;
    }),
  );
}
