import { beforeEach, describe, expect, it } from '@jest/globals';
import { type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { verificationPayload, webhookTester, type Cr3dentialsSimulator } from 'nestjs-cr3dentials-webhook/testing';
import { RememberEvents } from '../support/app/doubles.js';
import { freshHost } from '../support/app/fresh-host.js';
import { SECRET, platforms, type WebhookApp } from '../support/app/webhook-app.js';
import { InstantClock } from './doubles.js';

describe.each(platforms)('a host on %s', (platform) => {
  const host = freshHost('sqlite');
  let seen: VerificationEvent[];
  let app: WebhookApp;
  let clock: InstantClock;
  let portal: Cr3dentialsSimulator;

  beforeEach(async () => {
    app = await host.start((builder) =>
      builder
        .on(platform)
        .withRawBody()
        .withHandlers(RememberEvents)
        .withOptions({ path: ['webhook/cr3dentials', 'webhook/of-the-session'] }),
    );
    seen = app.nest.get(RememberEvents).events;
    clock = new InstantClock();
    portal = await simulator();
  });

  const simulator = (options: { timeout?: number; retries?: number } = {}) =>
    webhookTester(app.nest, { secret: SECRET, path: 'webhook/cr3dentials' }).simulator({ clock, ...options });

  const isDispatchedOnce = async (sessionId: string, duplicates: number) => {
    expect(await app.delivery(sessionId, 'completed')).toMatchObject({ duplicates });
    expect(seen.filter((event) => event.sessionId === sessionId)).toHaveLength(1);
    expect(app.logger.matching(/^ERROR/)).toEqual([]);
  };

  const rejections = async () =>
    (await app.inbox.rejections.list()).map(({ reason, sessionId, repeats }) => ({ reason, sessionId, repeats }));

  it('dispatches a duplicate burst once', async () => {
    const payload = verificationPayload();
    const deliveries = await portal.misbehave.duplicateBurst(payload, 12);
    expect(deliveries.map(({ delivered }) => delivered)).toEqual(Array.from({ length: 12 }, () => true));
    await isDispatchedOnce(payload.sessionId, 11);
  });

  it('dispatches what comes over both channels at once once', async () => {
    const payload = verificationPayload();
    const sessionUrl = `${app.url}/webhook/of-the-session`;
    const { portal: first, session } = await portal.misbehave.bothChannels(payload, sessionUrl);
    expect([first.delivered, session.delivered]).toEqual([true, true]);
    await isDispatchedOnce(payload.sessionId, 1);
  });

  it('reaches the second channel even where the first has nobody who listens', async () => {
    const payload = verificationPayload();
    const { portal: first, session } = await portal.misbehave.bothChannels(payload, `${app.url}/nobody`);
    expect([first.delivered, session.delivered]).toEqual([true, false]);
    expect(session.attempts.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404, 404]);
  });

  it.each(['COMPLETED', 'ERROR'] as const)(
    'keeps a conflicting second delivery after %s as a rejection',
    async (status) => {
      const payload = verificationPayload({ status });
      const { first, second } = await portal.misbehave.conflictingDelivery(payload);
      expect([first.delivered, second.delivered]).toEqual([true, true]);
      await isDispatchedOnce(payload.sessionId, 0);
      expect(seen[0]?.status).toBe(status);
      expect(await rejections()).toEqual([{ reason: 'conflict', sessionId: payload.sessionId, repeats: 0 }]);
    },
  );

  it('tells a conflict of which the changes are given', async () => {
    const payload = verificationPayload();
    await portal.misbehave.conflictingDelivery(payload, { metadata: { of: 'no account' } });
    await isDispatchedOnce(payload.sessionId, 1);
    await portal.misbehave.conflictingDelivery(payload, { proofHash: 'another' });
    expect(await rejections()).toMatchObject([{ reason: 'conflict' }]);
  });

  it('keeps an unknown status as a rejection', async () => {
    const payload = verificationPayload();
    expect(await portal.misbehave.unknownStatus(payload, 'ON_HOLD')).toMatchObject({ delivered: true });
    expect(await app.inbox.rejections.list()).toMatchObject([{ reason: 'unknown-status', detail: 'ON_HOLD' }]);
    expect(await app.inbox.find(payload)).toBeNull();
  });

  it('refuses a payload with fields missing, as often as it is sent', async () => {
    const payload = verificationPayload();
    const { delivered, attempts } = await portal.misbehave.missingFields(payload);
    expect([delivered, attempts.map(({ statusCode }) => statusCode)]).toEqual([false, [400, 400, 400, 400]]);
    expect(await app.inbox.rejections.list()).toMatchObject([
      { reason: 'invalid', detail: expect.stringMatching(/status.*platformId|platformId.*status/), repeats: 3 },
    ]);
  });

  it('reads a field that may be null as null when it is missing', async () => {
    const payload = verificationPayload();
    const { delivered } = await portal.misbehave.missingFields(payload, ['extractedData', 'completedAt']);
    expect(delivered).toBe(true);
    await isDispatchedOnce(payload.sessionId, 0);
    expect(seen[0]).toMatchObject({ extractedData: null, completedAt: null, proofHash: payload.proofHash });
  });

  it('keeps extra fields, and dispatches without them', async () => {
    const payload = verificationPayload();
    expect((await portal.misbehave.extraFields(payload)).delivered).toBe(true);
    await isDispatchedOnce(payload.sessionId, 0);
    expect((await app.inbox.find(payload))?.rawBody).toContain('"riskScore":0.12');
    expect(seen[0]).not.toHaveProperty('riskScore');
  });

  it.each([
    ['wrong', () => portal.misbehave.wrongHeader(verificationPayload())],
    ['missing', () => portal.misbehave.wrongHeader(verificationPayload(), null)],
    ['repeated', () => portal.misbehave.repeatedHeader(verificationPayload(), 3)],
  ])('records nothing of a request whose header is %s', async (_, misbehave) => {
    const { delivered, attempts } = await misbehave();
    expect([delivered, attempts.map(({ statusCode }) => statusCode)]).toEqual([false, [401, 401, 401, 401]]);
    expect(await app.inbox.stats()).toMatchObject({ pending: 0, processing: 0, completed: 0, openRejections: 0 });
  });

  it('counts the requests whose header it refused', async () => {
    await portal.misbehave.wrongHeader(verificationPayload());
    expect(await app.inbox.stats()).toMatchObject({ refused: { unauthorized: 4 } });
  });

  it('takes the header once, which shows that it is the repetition that is refused', async () => {
    expect((await portal.misbehave.repeatedHeader(verificationPayload(), 1)).delivered).toBe(true);
  });

  it('waits for a slow body', async () => {
    const payload = verificationPayload();
    const { delivered } = await portal.misbehave.slowBody(payload, { pieces: 5, pause: 40 });
    expect([delivered, clock.sleeps]).toEqual([true, [40, 40, 40, 40, 40]]);
    await isDispatchedOnce(payload.sessionId, 0);
    expect((await app.inbox.find(payload))?.rawBody).toBe(JSON.stringify(payload));
  });

  it('records nothing of a body that is slower than the provider is patient', async () => {
    clock.sleep = () => new Promise(() => {});
    const impatient = await simulator({ timeout: 40, retries: 0 });
    const { delivered, attempts } = await impatient.misbehave.slowBody(verificationPayload());
    expect([delivered, attempts[0]?.error]).toEqual([false, 'no answer within 40 ms']);
    expect(await app.inbox.list()).toEqual([]);
  });

  it('dispatches once what is sent again because the answer was not read', async () => {
    const payload = verificationPayload();
    const { delivered, attempts } = await portal.misbehave.droppedConnection(payload);
    expect(delivered).toBe(true);
    expect(attempts).toMatchObject([
      { statusCode: null, error: 'the connection was dropped before the answer was read' },
      { statusCode: 200, error: null },
    ]);
    await isDispatchedOnce(payload.sessionId, 1);
  });
});
