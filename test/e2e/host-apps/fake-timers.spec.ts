import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { FailOnce, InATransaction, RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** A turn of the event loop of Node itself, by nothing that is faked. */
async function isCompleted(app: WebhookApp, sessionId: string): Promise<boolean> {
  for (let times = 0; times < 200; times++) {
    const found = await app.inbox.find({ sessionId });
    if (found?.state === 'completed') return true;
    await fetch(app.url);
  }
  return false;
}

describe("a test of the host that fakes all of the runner's timers", () => {
  const host = freshHost('sqlite');

  afterEach(() => {
    jest.useRealTimers();
  });

  it.each([
    ['after the boot', false],
    ['before the boot', true],
  ])('receives and handles a delivery: %s', async (_, isBefore) => {
    if (isBefore) jest.useFakeTimers();
    const app = await host.start((a) => a.withHandlers(RememberEvents, InATransaction));
    jest.useFakeTimers();
    const body = payload();
    expect((await app.post(body)).status).toBe(200);
    expect(await isCompleted(app, String(body.sessionId))).toBe(true);
  });

  it('retries a handler once they are advanced', async () => {
    const app = await host.start((a) => a.withHandlers(FailOnce));
    jest.useFakeTimers();
    const body = payload();
    expect((await app.post(body)).status).toBe(200);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(await isCompleted(app, String(body.sessionId))).toBe(true);
  });

  it('goes on when they are real again', async () => {
    const app = await host.start((a) => a.withHandlers(RememberEvents));
    jest.useFakeTimers();
    expect((await app.post(payload())).status).toBe(200);
    jest.useRealTimers();
    const body = payload();
    expect((await app.post(body)).status).toBe(200);
    await app.delivery(body.sessionId, 'completed');
  });
});
