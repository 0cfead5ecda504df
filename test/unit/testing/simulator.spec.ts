import { describe, expect, it } from '@jest/globals';
import { Cr3dentialsSimulator, verificationPayload, type SimulatorOptions } from 'nestjs-cr3dentials-webhook/testing';
import { AnswersInTurn, InstantClock } from '../../testing/doubles.js';

const url = 'https://partner.example/webhook';

function portal(answers: ConstructorParameters<typeof AnswersInTurn>[1][], options: Partial<SimulatorOptions> = {}) {
  const clock = new InstantClock();
  const endpoint = new AnswersInTurn(() => clock.advance(7), ...answers);
  const simulator = new Cr3dentialsSimulator({ url, secret: 's3cret', clock, fetch: endpoint.fetch, ...options });
  return { simulator, endpoint, clock };
}

describe('a delivery', () => {
  it('is one POST of JSON with the custom header', async () => {
    const { simulator, endpoint } = portal([200], { header: 'X-Partner-Key' });
    const payload = verificationPayload();
    await simulator.deliver(payload);
    expect(endpoint.requests).toEqual([
      {
        url,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'X-Partner-Key': 's3cret' },
        body: JSON.stringify(payload),
        redirect: 'manual',
        signal: expect.any(AbortSignal),
      },
    ]);
  });

  it('has no custom header when none is configured', async () => {
    const { simulator, endpoint } = portal([200], { secret: undefined });
    await simulator.deliver(verificationPayload());
    expect(endpoint.requests[0]?.headers).toEqual({ 'content-type': 'application/json' });
  });

  it('sends text as it is', async () => {
    const { simulator, endpoint } = portal([200]);
    await simulator.deliver('{ "big": 12345678901234567890 }');
    expect(endpoint.requests[0]?.body).toBe('{ "big": 12345678901234567890 }');
  });

  it.each([200, 201, 204, 299])('has succeeded with %i, and is not sent again', async (status) => {
    const { simulator, endpoint } = portal([status]);
    expect(await simulator.deliver({})).toMatchObject({ delivered: true, attempts: [{ statusCode: status }] });
    expect(endpoint.requests).toHaveLength(1);
  });

  it.each([199, 301, 302, 400, 401, 404, 500, 503])('has failed with %i', async (status) => {
    const { simulator } = portal([status], { retries: 0 });
    expect(await simulator.deliver({})).toMatchObject({
      delivered: false,
      attempts: [{ statusCode: status, error: null }],
    });
  });
});

describe('a failed delivery', () => {
  it('is sent again after delays that double, and given up after the third retry', async () => {
    const { simulator, endpoint, clock } = portal([500]);
    const { delivered, attempts } = await simulator.deliver({ a: 1 });
    expect([delivered, attempts.length]).toEqual([false, 4]);
    expect(clock.sleeps).toEqual([1_000, 2_000, 4_000]);
    expect(new Set(endpoint.requests.map(({ body }) => body))).toEqual(new Set(['{"a":1}']));
  });

  it('waits as it is configured', async () => {
    const { simulator, clock } = portal([500], { retries: 5, initialDelay: 10, factor: 3 });
    await simulator.deliver({});
    expect(clock.sleeps).toEqual([10, 30, 90, 270, 810]);
  });

  it('is not sent again without retries', async () => {
    const { simulator, clock } = portal([500], { retries: 0 });
    expect((await simulator.deliver({})).attempts).toHaveLength(1);
    expect(clock.sleeps).toEqual([]);
  });

  it('ends with the first success', async () => {
    const { simulator, clock } = portal([503, 500, 200, 500]);
    const { delivered, attempts } = await simulator.deliver({});
    expect([delivered, attempts.map(({ statusCode }) => statusCode)]).toEqual([true, [503, 500, 200]]);
    expect(clock.sleeps).toEqual([1_000, 2_000]);
  });
});

describe('the log', () => {
  it('has time, status code, error and duration of every attempt', async () => {
    const refused = new TypeError('fetch failed', {
      cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    });
    const { simulator, clock } = portal([refused, 503, 200]);
    const begun = clock.now();
    expect((await simulator.deliver({})).attempts).toEqual([
      { at: begun, statusCode: null, error: 'ECONNREFUSED', duration: 7 },
      { at: begun + 1_007, statusCode: 503, error: null, duration: 7 },
      { at: begun + 3_014, statusCode: 200, error: null, duration: 7 },
    ]);
  });

  it('says what went wrong in one line where there is no code for it', async () => {
    const { simulator } = portal([new Error('the proxy\nsaid no')], { retries: 0 });
    expect((await simulator.deliver({})).attempts[0]?.error).toBe('the proxy said no');
  });

  it.each(['never', 'never ends'] as const)('says that the answer took too long when it %s', async (answer) => {
    const { simulator, endpoint } = portal([answer, 200], { timeout: 20 });
    const { delivered, attempts } = await simulator.deliver({});
    expect(attempts.map(({ error }) => error)).toEqual(['no answer within 20 ms', null]);
    expect(delivered).toBe(true);
    expect(endpoint.requests.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  });
});

describe("the portal's test action", () => {
  it('sends the documented sample, each time the same session', async () => {
    const { simulator, endpoint } = portal([200]);
    await simulator.test();
    await simulator.test();
    const [first, second] = endpoint.requests.map(({ body }) => JSON.parse(body) as unknown);
    expect(first).toEqual({
      sessionId: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
      status: 'COMPLETED',
      platformId: 1,
      externalReferenceId: 'user_abc123',
      extractedData: { accountHolder: 'John Doe', accountType: 'checking' },
      proofHash: '9f2c…',
      completedAt: '2025-03-24T12:05:00.000Z',
      metadata: {},
    });
    expect(second).toEqual(first);
  });
});

describe('a wrong header', () => {
  it.each([
    [undefined, { 'x-partner-key': 'not-the-secret' }],
    ['of another partner', { 'x-partner-key': 'of another partner' }],
    [null, {}],
  ])('is sent in place of the secret, or left out: %j', async (value, header) => {
    const { simulator, endpoint } = portal([200], { header: 'x-partner-key' });
    await simulator.misbehave.wrongHeader({}, value);
    expect(endpoint.requests[0]?.headers).toEqual({ 'content-type': 'application/json', ...header });
  });
});

describe('what cannot be configured', () => {
  it.each<[Partial<SimulatorOptions>, RegExp]>([
    [{ url: 'partner.example' }, /^The url must start/],
    [{ url: 'ftp://partner.example' }, /^The url must start/],
    [{ url: 'https://user:hunter2@partner.example' }, /^The url must start/],
    [{ header: 'X-API-Key: hunter2' }, /^The header must be the name of a header/],
    [{ header: '' }, /^The header must be/],
    [{ secret: '' }, /^The secret must be/],
    [{ secret: 'hunter2\r\nX-Other: 1' }, /^The secret must be/],
    [{ secret: ' hunter2' }, /^The secret must be/],
    [{ secret: 'hünter2' }, /^The secret must be/],
    [{ timeout: 0 }, /^The timeout must be/],
    [{ timeout: Number.NaN }, /^The timeout must be/],
    [{ timeout: 2 ** 31 }, /^The timeout must be/],
    [{ retries: -1 }, /^The retries must be/],
    [{ retries: 1.5 }, /^The retries must be/],
    [{ initialDelay: -1 }, /^The initialDelay must be/],
    [{ factor: 0.5 }, /^The factor must be/],
  ])('is refused with the remedy, and without the value: %j', (options, message) => {
    const attempt = () => new Cr3dentialsSimulator({ url, ...options });
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', message: expect.stringMatching(message) }),
    );
    expect(attempt).not.toThrow(/hunter2/);
  });

  it('is refused as the webhookUrl of a session too', async () => {
    const { simulator, endpoint } = portal([200]);
    const attempt = simulator.misbehave.bothChannels({}, 'https://user:hunter2@partner.example');
    await expect(attempt).rejects.toThrow(/^The url must start with http:/);
    expect(endpoint.requests).toEqual([]);
    await simulator.misbehave.bothChannels({});
    expect(endpoint.requests.map((request) => request.url)).toEqual([url, url]);
  });
});
