import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../support/app/fresh-host.js';
import { until } from '../support/time/until.js';
import { SECRET, type WebhookApp } from '../support/app/webhook-app.js';
import { run, summaryOf } from './command-line.js';
import { Endpoint } from './endpoint.js';

const host = freshHost('sqlite');
const endpoint = new Endpoint();
const environment = { CR3D_WEBHOOK_SECRET: SECRET };
const withSecret = ['--secret-env', 'CR3D_WEBHOOK_SECRET'];
let app: WebhookApp;
let seen: VerificationEvent[];
let url: string[];

beforeEach(async () => {
  seen = [];
  const remembered = seen;
  @Injectable()
  class Remember {
    @OnVerification()
    remember(event: VerificationEvent): void {
      remembered.push(event);
    }
  }
  app = await host.start((builder) => builder.withHandlers(Remember));
  url = ['--url', `${app.url}/webhook/cr3dentials`];
});

afterEach(() => endpoint.close());

const hasCompleted = (count: number) =>
  until(`${count} are completed`, async () => (await app.inbox.stats()).completed === count);

describe('simulate', () => {
  it('delivers one completed session unless it is told otherwise', async () => {
    const { code, out, err } = await run(['simulate', ...url, ...withSecret], { environment });
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/│ deliveries +│ +1 │/);
    await hasCompleted(1);
    expect(seen).toMatchObject([{ status: 'COMPLETED' }]);
  });

  it('comes to exactly as many deliveries, duplicates and conflicts as it says', async () => {
    const result = await run(
      ['simulate', ...url, ...withSecret, '--count', '300', '--duplicates', '0.2', '--conflicts', '0.02', '--json'],
      { environment },
    );
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(summaryOf(result)).toMatchObject({
      deliveries: 300,
      sessions: 234,
      duplicates: 60,
      conflicts: 6,
      attempts: 300,
      failed: 0,
      statusCodes: { 200: 300 },
    });
    await hasCompleted(234);
    expect(new Set(seen.map(({ sessionId }) => sessionId)).size).toBe(234);
    expect(seen).toHaveLength(234);
    expect(await app.inbox.rejections.list({ reason: 'conflict' })).toHaveLength(6);
    const recorded = await app.inbox.list({ limit: 300 });
    expect(recorded.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(60);
  });

  it('makes the same again with the same seed', async () => {
    const args = ['simulate', ...url, ...withSecret, '--count', '20', '--seed', 'again', '--status', 'ERROR', '--json'];
    const first = await run(args, { environment });
    await hasCompleted(20);
    const second = await run(args, { environment });
    expect([first, second].map((result) => summaryOf(result).seed)).toEqual(['again', 'again']);
    const recorded = await app.inbox.list();
    expect(recorded.map(({ status, duplicates }) => [status, duplicates])).toEqual(
      Array.from({ length: 20 }, () => ['ERROR', 1]),
    );
  });

  it('is all about one session when one is named', async () => {
    const args = ['simulate', ...url, ...withSecret, '--session', 'the-one', '--platform', '3', '--count', '4'];
    expect((await run(args, { environment })).code).toBe(0);
    await hasCompleted(1);
    expect(await app.inbox.find({ sessionId: 'the-one' })).toMatchObject({ duplicates: 3, platformId: 3 });
  });

  it('sends the header that is named', async () => {
    const own = await host.start((builder) =>
      builder.withOptions({ auth: { header: 'X-Partner', secrets: [SECRET] } }),
    );
    const args = ['simulate', '--url', `${own.url}/webhook/cr3dentials`, ...withSecret, '--header', 'X-Partner'];
    expect((await run(args, { environment })).code).toBe(0);
  });

  it('ends with 1, names what failed, and keeps the secret to itself when a delivery is given up', async () => {
    const secret = 'a-secret-that-is-not-accepted';
    const { code, out, err } = await run(
      ['simulate', ...url, ...withSecret, '--retries', '2', '--backoff', '1ms', '--session', 's-1'],
      { environment: { CR3D_WEBHOOK_SECRET: secret } },
    );
    expect([code, err]).toEqual([1, '']);
    expect(out).toMatch(/│ status codes +│ +401: 3 │/);
    expect(out).toContain('Session s-1 failed after 3 attempt(s): answered 401');
    expect(out).toContain("Hint for 401: is the secret the app's?");
    expect(out).not.toContain(secret);
    expect(seen).toEqual([]);
  });

  it.each<[string, () => string[], string]>([
    ['401 without a secret', () => url, 'Hint for 401: the app expects a secret. Pass --secret-env'],
    ['404', () => ['--url', `${app.url}/webhok`, ...withSecret], 'Hint for 404: is the path of --url right?'],
    ['no listener', () => ['--url', 'http://127.0.0.1:1/'], 'Hint for ECONNREFUSED: nothing listens at --url.'],
  ])('gives a hint for %s', async (_, args, hint) => {
    const { code, out, err } = await run(['simulate', ...args(), '--retries', '0'], { environment });
    expect([code, err]).toEqual([1, '']);
    expect(out).toContain(hint);
  });

  it('gives no hint for a failure that has many causes', async () => {
    const failing = await endpoint.open((_, response) => response.writeHead(500).end());
    const { out } = await run(['simulate', '--url', failing, '--retries', '0']);
    expect(out).toContain('answered 500');
    expect(out).not.toContain('Hint');
  });

  it('tries again what failed, and ends with 0 when all is delivered', async () => {
    const flaky = await endpoint.open((_, response) => response.writeHead(endpoint.paths.length > 5 ? 204 : 503).end());
    const result = await run(['simulate', '--url', flaky, '--count', '5', '--backoff', '1ms', '--json']);
    expect(result.code).toBe(0);
    expect(summaryOf(result)).toMatchObject({
      delivered: 5,
      attempts: 10,
      retries: 5,
      statusCodes: { 204: 5, 503: 5 },
    });
  });

  it('waits for an answer as long as it is told', async () => {
    const silent = await endpoint.open(() => {});
    const result = await run(['simulate', '--url', silent, '--timeout', '100ms', '--retries', '0', '--json']);
    expect(result.code).toBe(1);
    expect(summaryOf(result)).toMatchObject({
      errors: { 'no answer within 100 ms': 1 },
      latency: null,
      failures: [{ attempts: 1, statusCode: null, error: 'no answer within 100 ms' }],
    });
  });

  it('prints what has been done so far when it is interrupted', async () => {
    const running: { interrupt?: () => void } = {};
    const stalls = await endpoint.open((_, response) => {
      if (endpoint.paths.length <= 3) response.end();
      else running.interrupt?.();
    });
    const args = ['simulate', '--url', stalls, '--count', '10', '--concurrency', '1', '--json'];
    const result = await run(args, { onStart: (interrupt) => Object.assign(running, { interrupt }) });
    expect(result.code).toBe(130);
    expect(summaryOf(result)).toMatchObject({ deliveries: 3, delivered: 3 });
  });
});
