import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { IsString } from 'class-validator';
import { OnVerification, PermanentError, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { verificationPayload, webhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { Gate, freshHost } from '../support/app/fresh-host.js';
import { SECRET, platforms, type WebhookApp } from '../support/app/webhook-app.js';
import { until } from '../support/time/until.js';

@Injectable()
class Accept {
  @OnVerification(VerificationCompleted)
  accept(): void {}
}

@Injectable()
class FailForGood {
  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  fail(): never {
    throw new PermanentError('The account is closed.');
  }
}

@Injectable()
class FailTwice {
  failures = 0;

  @OnVerification(VerificationCompleted)
  async fail(): Promise<void> {
    if (this.failures++ < 2) throw new Error('Not yet.');
  }
}

const host = freshHost('sqlite');
const tester = (app: WebhookApp) => webhookTester(app.nest, { secret: SECRET, timeout: 15_000 });

describe.each(platforms)('on %s, a verdict', (platform) => {
  const start = (handler = Accept) => host.start((app) => app.on(platform).withHandlers(handler));

  it('is accepted, then duplicate, then conflict for one session, all answered 200', async () => {
    const webhook = tester(await start());
    const payload = verificationPayload({ seed: 1 });
    const outcomes = [
      await webhook.deliver(payload),
      await webhook.deliver({ ...payload, metadata: { of: 'no account' } }),
      await webhook.deliver({ ...payload, status: 'ERROR' }),
      await webhook.deliver(JSON.stringify(payload)),
    ];
    expect(outcomes.map(({ verdict, status }) => [verdict, status])).toEqual([
      ['accepted', 200],
      ['duplicate', 200],
      ['conflict', 200],
      ['duplicate', 200],
    ]);
    expect(outcomes.map(({ rejection }) => rejection?.detail)).toEqual([
      undefined,
      undefined,
      outcomes[0]?.delivery?.idempotencyKey,
      undefined,
    ]);
    const ids = outcomes.map(({ delivery }) => delivery?.id);
    expect(ids).toEqual(ids.map(() => expect.stringMatching(/^[\da-f-]{36}$/)));
    expect(new Set(ids).size).toBe(1);
  });

  it('is stale for a session that completed longer ago than deliveries are kept', async () => {
    const app = await host.start((builder) =>
      builder
        .on(platform)
        .withHandlers(Accept)
        .withOptions({ retention: { deliveries: '30d' } }),
    );
    const payload = { ...verificationPayload({ seed: 1 }), completedAt: '2020-01-01T00:00:00.000Z' };
    const { verdict, status, delivery, rejection } = await tester(app).deliver(payload);
    expect([verdict, status, delivery, rejection?.reason]).toEqual(['stale', 200, null, 'stale']);
    expect((await tester(app).deliver({ ...payload, status: 'NEW' })).verdict).toBe('unknown-status');
  });

  it('tells what is refused apart, and that nothing is recorded of it', async () => {
    const app = await start();
    const webhook = tester(app);
    const payload = verificationPayload();
    const stranger = webhookTester(app.nest, { secret: 'not-the-secret' });
    const outcomes = [
      await webhook.deliver({ ...payload, status: 'ON_HOLD' }, { until: 'finished' }),
      await webhook.deliver({ ...payload, platformId: 'one' }, { until: 'finished' }),
      await webhook.deliver('{', { until: 'finished' }),
      await webhook.deliver('null', { until: 'finished' }),
      await webhook.deliver(`"${'x'.repeat(1_100_000)}"`),
      await stranger.deliver(payload, { until: 'finished' }),
    ];
    expect(outcomes).toEqual([
      {
        verdict: 'unknown-status',
        status: 200,
        delivery: null,
        rejection: expect.objectContaining({ detail: 'ON_HOLD' }),
      },
      {
        verdict: 'invalid',
        status: 400,
        delivery: null,
        rejection: expect.objectContaining({
          sessionId: payload.sessionId,
          detail: expect.stringContaining('platformId'),
        }),
      },
      { verdict: 'invalid', status: 400, delivery: null, rejection: null },
      { verdict: 'invalid', status: 400, delivery: null, rejection: null },
      { verdict: 'invalid', status: 413, delivery: null, rejection: null },
      { verdict: 'unauthorized', status: 401, delivery: null, rejection: null },
    ]);
    expect((await app.inbox.stats()).refused.unauthorized).toBe(1); // posted once, not retried
  });

  it('tells what does not fit the class of its platform from what does', async () => {
    class BankAccount {
      @IsString()
      accountHolder!: string;
    }
    const webhook = tester(
      await host.start((app) =>
        app
          .on(platform)
          .withHandlers(Accept)
          .withOptions({ platforms: { 1: BankAccount } }),
      ),
    );
    const outcome = await webhook.deliver(verificationPayload({ platformId: 1, extractedData: { holder: 'Jane' } }));
    expect(outcome).toEqual({
      verdict: 'unexpected-data',
      status: 200,
      delivery: null,
      rejection: expect.objectContaining({ detail: '{"extractedData.accountHolder":["isString"]}' }),
    });
    expect(await webhook.deliver(verificationPayload({ platformId: 1 }))).toMatchObject({ verdict: 'accepted' });
  });

  it('is accepted for one and duplicate for the others when a session is sent many times at once', async () => {
    const webhook = tester(await start());
    const payload = verificationPayload();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => webhook.deliver(payload)));
    const accepted = outcomes.filter(({ verdict }) => verdict === 'accepted');
    expect(accepted).toHaveLength(1);
    expect(outcomes.filter(({ verdict }) => verdict === 'duplicate')).toHaveLength(7);
  });

  it('is unavailable while nothing can be recorded', async () => {
    const app = await host.start((builder) =>
      builder.on(platform).withOptions({
        auth: {
          resolveSecrets: () => {
            throw new Error('The vault is sealed.');
          },
        },
      }),
    );
    expect(await tester(app).deliver(verificationPayload())).toEqual({
      verdict: 'unavailable',
      status: 503,
      delivery: null,
      rejection: null,
    });
  });
});

describe('a delivery until it has settled', () => {
  it('is there once its handlers have completed', async () => {
    const gate = new Gate();
    @Injectable()
    class WaitAtGate {
      @OnVerification(VerificationCompleted)
      async wait(): Promise<void> {
        await gate.pass();
      }
    }
    const webhook = tester(await host.start((app) => app.withHandlers(WaitAtGate)));
    let settled = false;
    const outcome = webhook.deliver(verificationPayload(), { until: 'finished' }).finally(() => {
      settled = true;
    });
    await until('the handler has begun', () => gate.arrivals === 1);
    expect(settled).toBe(false);
    gate.open();
    expect(await outcome).toMatchObject({ verdict: 'accepted', delivery: { state: 'completed' } });
  });

  it('is there once a handler has succeeded after its retries', async () => {
    const webhook = tester(await host.start((app) => app.withHandlers(FailTwice)));
    const { delivery } = await webhook.deliver(verificationPayload(), { until: 'finished' });
    expect(delivery).toMatchObject({ state: 'completed', runs: [{ state: 'completed', attempts: 3 }] });
  });

  it('is there once a handler is dead', async () => {
    const webhook = tester(await host.start((app) => app.withHandlers(FailForGood)));
    const { verdict, delivery } = await webhook.deliver(verificationPayload(), { until: 'finished' });
    expect([verdict, delivery?.state]).toEqual(['accepted', 'dead']);
    expect(delivery?.runs).toMatchObject([{ handler: 'accounts.activate', state: 'dead' }]);
  });

  it('is there at once when nobody handles its status', async () => {
    const webhook = tester(await host.start((app) => app.withHandlers(Accept)));
    const payload = verificationPayload({ status: 'TERMINATED' });
    expect((await webhook.deliver(payload, { until: 'finished' })).delivery?.state).toBe('unhandled');
  });

  it('can be awaited later, by its payload or session', async () => {
    const webhook = tester(await host.start((app) => app.withHandlers(Accept)));
    const payload = verificationPayload();
    await webhook.deliver(payload);
    expect((await webhook.finished(payload)).state).toBe('completed');
    expect((await webhook.finished(payload.sessionId)).state).toBe('completed');
  });
});
