import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Cr3dentialsWebhookOptions, SecretResolver, UnauthenticatedRequest } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { JSON_TYPE, rawPost, said } from '../../support/http/raw-post.js';
import { platforms, type Answer, type WebhookApp } from '../../support/app/webhook-app.js';

const JSON_UTF8 = 'application/json; charset=utf-8';
const UNAUTHORIZED = {
  status: 401,
  body: '{"statusCode":401,"error":"Unauthorized","message":"The webhook secret is missing or wrong."}',
  type: JSON_UTF8,
};

const NORTH = 'Kestrel-of-the-north-4711';
const SOUTH = 'Kestrel-of-the-south-4712';

/** What hosts without types return; the compiler would not let it through. */
type Anything = ReturnType<SecretResolver>;

const byTenant: SecretResolver = async ({ params: { tenant } }) => {
  await Promise.resolve();
  if (tenant === 'north') return { tenant, secrets: [NORTH] };
  return tenant === 'south' ? { tenant, secrets: ['retired', { value: SOUTH }] } : undefined;
};

describe.each(platforms)('a secret resolver, on %s', (platform) => {
  const host = freshHost('sqlite');
  let app: WebhookApp;

  async function start(resolveSecrets: SecretResolver, more: Partial<Cr3dentialsWebhookOptions> = {}): Promise<void> {
    app = await host.start((builder) =>
      builder.on(platform).withOptions({ path: 'hooks/:tenant', auth: { resolveSecrets }, ...more }),
    );
  }

  function knock(body: unknown, secret: string | undefined, path = '/hooks/north'): Promise<Answer> {
    const headers = secret === undefined ? [JSON_TYPE] : ([JSON_TYPE, ['X-API-Key', secret]] as const);
    return rawPost(app.url, { content: JSON.stringify(body), headers, path });
  }

  describe('that chooses by a route parameter', () => {
    beforeEach(() => start(byTenant));

    it('accepts each tenant with its own secret only', async () => {
      expect((await knock(payload(), NORTH)).status).toBe(200);
      expect((await knock(payload(), SOUTH, '/hooks/south')).status).toBe(200);
      for (const [secret, tenant] of [
        [SOUTH, 'north'],
        [NORTH, 'south'],
        [NORTH, 'nobody'],
        ['', 'north'],
      ]) {
        expect(said(await knock(payload(), secret, `/hooks/${tenant}`))).toEqual(UNAUTHORIZED);
      }
      expect(app.logger.matching(/Kestrel|^ERROR/)).toEqual([]);
    });

    it('stores one session of two tenants as two deliveries', async () => {
      const { sessionId } = payload();
      const north = payload({ sessionId });
      const south = payload({ sessionId, status: 'ERROR', extractedData: null });
      expect((await knock(north, NORTH)).status).toBe(200);
      expect((await knock(south, SOUTH, '/hooks/south')).status).toBe(200);
      expect(await app.delivery(sessionId, 'pending', 'north')).toMatchObject({ status: 'COMPLETED', duplicates: 0 });
      expect(await app.delivery(sessionId, 'pending', 'south')).toMatchObject({ status: 'ERROR', duplicates: 0 });
      expect(await app.inbox.find({ sessionId: String(sessionId) })).toBeNull();
      expect(await app.rejections()).toEqual([]);
    });

    it('stores one rejection per tenant', async () => {
      const body = payload({ status: 'ARCHIVED' });
      for (const [secret, tenant] of [
        [NORTH, 'north'],
        [SOUTH, 'south'],
        [SOUTH, 'south'],
      ]) {
        expect((await knock(body, secret, `/hooks/${tenant}`)).status).toBe(200);
      }
      const rejections = await app.rejections();
      expect(rejections.map(({ tenant, repeats }) => [tenant, repeats]).toSorted()).toEqual([
        ['north', 0],
        ['south', 1],
      ]);
    });
  });

  it('is called once, with the same view of the request on every platform', async () => {
    const asked: UnauthenticatedRequest[] = [];
    await start((request) => {
      asked.push(request);
      return { secrets: [NORTH] };
    });
    expect((await knock(payload(), NORTH, '/hooks/a%20b?x=1&y=a%26b&x=2')).status).toBe(200);
    const [request, ...more] = asked;
    expect(more).toEqual([]);
    expect(Object.keys(request ?? {}).toSorted()).toEqual(['headers', 'params', 'query', 'url']);
    expect({ ...request?.params }).toEqual({ tenant: 'a b' });
    expect(JSON.parse(JSON.stringify(request?.query))).toEqual({ x: ['1', '2'], y: 'a&b' });
    expect(request?.url).toBe('/hooks/a%20b?x=1&y=a%26b&x=2');
    expect(request?.headers).toMatchObject({ 'x-api-key': NORTH, 'content-type': 'application/json' });
  });

  it('is not called when the request has no secret', async () => {
    let asked = 0;
    await start(() => {
      asked++;
      return { secrets: [''] };
    });
    expect(said(await knock(payload(), undefined))).toEqual(UNAUTHORIZED);
    expect(said(await knock(payload(), ''))).toEqual(UNAUTHORIZED);
    expect(asked).toBe(0);
  });

  it('does not accept a secret header that is sent twice', async () => {
    await start(() => ({ secrets: [NORTH] }));
    for (const values of [
      [NORTH, NORTH],
      [NORTH, 'wrong'],
      ['wrong', NORTH],
    ]) {
      const headers = [JSON_TYPE, ...values.map((value) => ['X-API-Key', value] as const)];
      const answer = await rawPost(app.url, { content: JSON.stringify(payload()), headers, path: '/hooks/north' });
      expect(said(answer)).toEqual(UNAUTHORIZED);
    }
  });

  it('may return secrets that expire', async () => {
    const clock = new MovingClock();
    const notAfter = new Date(clock.now() + 60_000);
    app = await host.start((builder) =>
      builder
        .on(platform)
        .withClock(clock)
        .withOptions({ auth: { resolveSecrets: () => ({ secrets: [{ value: NORTH, notAfter }] }) } }),
    );
    expect((await knock(payload(), NORTH, '/webhook/cr3dentials')).status).toBe(200);
    clock.advance(60_001);
    expect(said(await knock(payload(), NORTH, '/webhook/cr3dentials'))).toEqual(UNAUTHORIZED);
  });

  it.each<[string, Anything]>([
    ['nothing', undefined],
    ['null', null],
    ['a promise of nothing', Promise.resolve(undefined)],
    ['no secrets', { secrets: [] }],
    ['an empty secret', { secrets: ['', { value: '' }] }],
    ['a secret that has expired', { secrets: [{ value: NORTH, notAfter: new Date(0) }] }],
    ['a secret that expires at no time', { secrets: [{ value: NORTH, notAfter: new Date(Number.NaN) }] }],
  ])('accepts nobody when it returns %s', async (_, found) => {
    await start(() => found);
    expect(said(await knock(payload(), NORTH))).toEqual(UNAUTHORIZED);
    expect(said(await knock(payload(), ''))).toEqual(UNAUTHORIZED);
    expect(await app.inbox.list()).toEqual([]);
    expect(app.logger.matching(/^ERROR|Kestrel/)).toEqual([]);
  });

  it.each([
    ['one that is empty, which is none', '', ''],
    ['255 characters', 't'.repeat(255), 't'.repeat(255)],
    ['other characters than ASCII', 'Łódź 😀 ', 'Łódź 😀 '],
    ['quotes', `'"\\;--`, `'"\\;--`],
  ])('sets the tenant of a delivery: %s', async (_, tenant, kept) => {
    await start(() => ({ tenant, secrets: [NORTH] }));
    const body = payload();
    expect((await knock(body, NORTH)).status).toBe(200);
    expect(await app.delivery(body.sessionId, 'pending', kept)).toMatchObject({ tenant: kept });
  });

  it('leaves a delivery without a tenant when it names none', async () => {
    await start(() => ({ secrets: [NORTH] }));
    const body = payload();
    expect((await knock(body, NORTH)).status).toBe(200);
    expect(await app.delivery(body.sessionId, 'pending')).toMatchObject({ tenant: '' });
  });
});
