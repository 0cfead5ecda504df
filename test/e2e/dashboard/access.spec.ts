import { describe, expect, it } from '@jest/globals';
import { Cr3dentialsWebhookDashboardModule } from 'nestjs-cr3dentials-webhook/dashboard';
import { uuidv7 } from 'uuidv7';
import { freshHost, sharedHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms } from '../../support/app/webhook-app.js';
import { as, ask, dashboard, OPERATORS, TokenGuard, type TestRequest } from '../../support/dashboard/dashboard-app.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const PASSWORD = 'correct-horse-battery-staple';
const identify = ({ user }: TestRequest) => OPERATORS[String(user)];
const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`ann:${password}`).toString('base64')}` });

/** The module with the options of a factory. */
const module = (made: object) =>
  Cr3dentialsWebhookDashboardModule.forRootAsync<TestRequest>({
    path: 'ops/inbox',
    guards: [TokenGuard],
    useFactory: () => made as never,
  });

const tenantsOf = (rows: { tenant: string }[]) => [...new Set(rows.map(({ tenant }) => tenant))].toSorted();

describe('options that let everybody in, or nobody', () => {
  it.each<[string, string, Record<string, unknown>]>([
    ['without access', 'DASHBOARD_OPEN', {}],
    ['with guards and without identify', 'DASHBOARD_OPEN', { access: { guards: [TokenGuard] } }],
    ['with identify and without guards', 'DASHBOARD_OPEN', { access: { identify } }],
    ['without a guard', 'OPTIONS_INVALID', { access: { guards: [], identify } }],
    [
      'with two forms',
      'DASHBOARD_OPEN',
      { access: { guards: [TokenGuard], identify, basic: [{ name: 'ann', password: PASSWORD, can: 'everything' }] } },
    ],
    [
      'with a short password',
      'OPTIONS_INVALID',
      { access: { basic: [{ name: 'ann', password: 'short', can: 'everything' }] } },
    ],
    [
      'with an operator without a password',
      'OPTIONS_INVALID',
      { access: { basic: [{ name: 'ann', can: 'everything' }] } },
    ],
    [
      'with an unknown permission',
      'OPTIONS_INVALID',
      { access: { basic: [{ name: 'ann', password: PASSWORD, can: ['root'] }] } },
    ],
    ['with no operator', 'OPTIONS_INVALID', { access: { basic: [] } }],
    ['with a typo', 'OPTIONS_INVALID', { acess: 'public-on-loopback' }],
    ['with a rate above the most', 'OPTIONS_INVALID', { access: 'public-on-loopback', bulk: { rate: 600 } }],
    [
      'with a rate that none has',
      'OPTIONS_INVALID',
      { access: 'public-on-loopback', bulk: { rate: 5_000, maxRate: 1_000 } },
    ],
    ['with a path that has parameters', 'OPTIONS_INVALID', { access: 'public-on-loopback', path: 'ops/:id' }],
    [
      'with an origin that is none',
      'OPTIONS_INVALID',
      { access: 'public-on-loopback', origins: ['ops.example.com/inbox'] },
    ],
  ])('stop the boot %s', async (_, code, options) => {
    const make = async () => {
      const { providers } = Cr3dentialsWebhookDashboardModule.forRoot(options as never);
      const made = providers?.find((one) => 'useFactory' in Object(one)) as { useFactory(): Promise<unknown> };
      await made.useFactory();
    };
    await expect(make()).rejects.toMatchObject({ code });
  });

  it('name the three forms, and the option that was probably meant', () => {
    expect(() => Cr3dentialsWebhookDashboardModule.forRoot({} as never)).toThrow(
      /guards: .*\n.*basic: .*\n.*public-on-loopback/,
    );
    expect(() => Cr3dentialsWebhookDashboardModule.forRoot({ acess: 1 } as never)).toThrow('Did you mean "access"?');
  });

  it('are not those of development in production', () => {
    const before = process.env.NODE_ENV;
    process.env.NODE_ENV = 'production';
    try {
      expect(() => dashboard({ access: 'public-on-loopback' })).toThrow(/with NODE_ENV=production/);
    } finally {
      process.env.NODE_ENV = before;
    }
  });
});

describe('an app with the page', () => {
  const host = freshHost('sqlite');

  it('does not start with "global" guards of which there is none', async () => {
    const access = { guards: 'global', identify } as const;
    await expect(host.start((a) => a.importing(dashboard({ access })))).rejects.toMatchObject({
      code: 'DASHBOARD_OPEN',
      message: expect.stringMatching(/APP_GUARD/),
    });
  });

  it('does not start without the inbox', async () => {
    const start = host.start((a) => a.withModule({ module: TokenGuard }).importing(dashboard()));
    await expect(start).rejects.toMatchObject({ code: 'DASHBOARD_WITHOUT_INBOX' });
  });

  it('starts with options of a factory, and not if it names nobody', async () => {
    const app = await host.start((a) => a.importing(module({ access: { identify }, title: 'Inbox of <Acme>' })));
    expect((await ask(app, '/api/session', as('alice'))).body).toMatchObject({ title: 'Inbox of <Acme>' });
    expect((await ask(app, '', as('alice'))).text).toContain('<title>Inbox of &#60;Acme&#62;</title>');
    await expect(host.start((a) => a.importing(module({})))).rejects.toMatchObject({ code: 'DASHBOARD_OPEN' });
  });
});

describe.each(platforms)('operators with passwords, on %s', (platform) => {
  const host = freshHost('sqlite');

  it('sign in, and ten wrong passwords in a minute are answered 429', async () => {
    const clock = new MovingClock();
    const access = { basic: [{ name: 'ann', password: PASSWORD, can: ['look'] as const }] };
    const app = await host.start((a) => a.on(platform).withClock(clock).importing(dashboard({ access })));
    const asked = await ask(app, '');
    expect([asked.status, asked.headers['www-authenticate']]).toEqual([
      401,
      'Basic realm="Webhook inbox", charset="UTF-8"',
    ]);
    expect((await ask(app, '/api/session', { headers: basic(PASSWORD) })).body).toMatchObject({
      operator: { id: 'ann' },
      permissions: ['look'],
    });
    for (let n = 0; n < 10; n++) expect((await ask(app, '', { headers: basic('wrong') })).status).toBe(401);
    const late = await ask(app, '', { headers: basic(PASSWORD) });
    expect([late.status, Number(late.headers['retry-after'])]).toEqual([429, expect.any(Number)]);
    clock.advance(60_001);
    expect((await ask(app, '', { headers: basic(PASSWORD) })).status).toBe(200);
  });
});

describe.each(platforms)('a page for this machine only, on %s', (platform) => {
  const host = sharedHost('sqlite', (a) => a.on(platform).importing(dashboard({ access: 'public-on-loopback' })));

  it('is open to it, and warns', async () => {
    expect((await ask(host.app, '/api/session')).body).toMatchObject({ operator: { id: 'loopback' } });
    expect(host.app.logger.matching(/open to everybody on this machine/)).toHaveLength(1);
  });

  it.each<[string, Record<string, string>]>([
    ['a proxy', { 'x-forwarded-for': '127.0.0.1' }],
    ['a proxy that says so in the standard way', { forwarded: 'for=127.0.0.1' }],
    ['another proxy', { via: '1.1 cache' }],
    ['one more', { 'x-real-ip': '127.0.0.1' }],
    ['a name that somebody else has given this machine', { host: 'rebound.example.com' }],
  ])('is closed behind %s', async (_, headers) => {
    const { status, body } = await ask(host.app, '/api/session', { headers });
    expect([status, body]).toMatchObject([403, { code: 'FORBIDDEN' }]);
  });
});

describe.each(platforms)('requests of other sites, on %s', (platform) => {
  const host = sharedHost('sqlite', (a) =>
    a
      .on(platform)
      .configured((app) => app.enableCors({ origin: true, credentials: true }))
      .importing(dashboard({ origins: ['https://ops.example.com'] })),
  );
  const none = { 'sec-fetch-site': '' };

  it.each<[string, Record<string, string>, boolean]>([
    ['from the page', { 'sec-fetch-site': 'same-origin' }, true],
    ['typed into the address', { 'sec-fetch-site': 'none' }, true],
    ['from a sibling', { 'sec-fetch-site': 'same-site' }, false],
    ['from elsewhere', { 'sec-fetch-site': 'cross-site' }, false],
    ['from elsewhere, over HTTP', { origin: 'http://evil.example.com' }, false],
    ['from an origin without a name', { origin: 'null' }, false],
    ['from a listed origin', { origin: 'https://ops.example.com', 'sec-fetch-site': 'same-site' }, true],
    ['of a program', {}, true],
  ])('are let through or not when they read: %s', async (_, headers, isLetThrough) => {
    const sent = 'sec-fetch-site' in headers ? headers : { ...headers, ...none };
    const got = await ask(host.app, '/api/session', as('alice', { headers: sent }));
    expect(got.status).toBe(isLetThrough ? 200 : 403);
    const refused = { code: 'FOREIGN_ORIGIN', message: expect.stringMatching(/"origins"/) };
    expect(got.body).toMatchObject(isLetThrough ? { operator: { name: 'Alice' } } : refused);
  });

  it.each<[string, Record<string, string>]>([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded', 'x-inbox-request': '1' }],
    ['a request without our header', { 'x-inbox-request': '' }],
    ['a navigation', { 'sec-fetch-site': 'none' }],
  ])('cannot act: %s', async (_, headers) => {
    const got = await ask(host.app, '/api/find', as('alice', { body: { value: 'x' }, headers }));
    expect([got.status, got.body]).toMatchObject([403, { code: 'FOREIGN_ORIGIN' }]);
  });
});

describe.each(platforms)('what operators may do, on %s', (platform) => {
  const host = sharedHost('sqlite', (a) => a.on(platform).importing(dashboard()));

  async function received(): Promise<string> {
    const body = payload();
    await host.app.post(body);
    const delivery = await host.app.inbox.find({ sessionId: String(body.sessionId) });
    return String(delivery?.id);
  }

  it.each(['replay', 'discard', 'reveal'])('is not to %s without the permission', async (deed) => {
    const id = await received();
    const { status, body } = await ask(host.app, `/api/deliveries/${id}/${deed}`, as('looker', { body: {} }));
    expect([status, body]).toMatchObject([403, { code: 'FORBIDDEN', message: `You need the permission "${deed}".` }]);
    expect(await host.app.inbox.actions.list({ targetId: id })).toEqual([]);
  });

  it('is of their tenants: everything else is not there', async () => {
    const ids: Record<string, string> = {};
    for (const tenant of ['', 'acme', 'globex', 'initech']) {
      const body = payload({ externalReferenceId: 'shared-reference' });
      await host.app.inbox.ingest(body, { tenant });
      ids[tenant] = String((await host.app.inbox.find({ sessionId: String(body.sessionId), tenant }))?.id);
      await host.app.inbox.ingest({ ...body, status: 'ERROR' }, { tenant }); // a conflict
    }
    const seenBy = async (operator: string) => {
      const list = await ask(host.app, '/api/deliveries', as(operator));
      const found = await ask(host.app, '/api/find', as(operator, { body: { value: 'shared-reference' } }));
      const rejections = await ask(host.app, '/api/rejections', as(operator));
      const { items } = list.body as { items: { tenant: string }[] };
      const { deliveries } = found.body as { deliveries: { tenant: string }[] };
      return [
        tenantsOf(items),
        tenantsOf(deliveries),
        tenantsOf((rejections.body as { items: { tenant: string }[] }).items),
      ];
    };
    expect(await seenBy('acme')).toEqual([['acme'], ['acme'], ['acme']]);
    expect(await seenBy('both')).toEqual([
      ['acme', 'globex'],
      ['acme', 'globex'],
      ['acme', 'globex'],
    ]);
    expect(await seenBy('nowhere')).toEqual([[], [], []]);
    expect((await seenBy('alice'))[1]).toEqual(['', 'acme', 'globex', 'initech']);
    for (const deed of ['', '/replay', '/discard', '/reveal']) {
      const asked = deed === '' ? {} : { body: deed === '/reveal' ? { reason: 'ticket 4711' } : {} };
      expect((await ask(host.app, `/api/deliveries/${ids.globex}${deed}`, as('acme', asked))).status).toBe(404);
    }
    expect((await ask(host.app, `/api/deliveries/${ids.acme}`, as('acme'))).status).toBe(200);
    expect((await ask(host.app, '/api/deliveries?tenant=globex', as('acme'))).body).toMatchObject({ items: [] });
    for (const [path, own] of [
      ['deliveries?state=pending&status=COMPLETED', 1],
      ['rejections', 1],
    ] as const) {
      const { body } = await ask(host.app, `/api/${path}`, as('acme'));
      expect(body).toMatchObject({ searched: { rows: own } }); // not of how many others
    }
    for (const path of ['overview', 'tallies?from=0', 'handlers', 'instances', 'secrets', 'settings', 'actions'])
      expect((await ask(host.app, `/api/${path}`, as('acme'))).status).toBe(403);
    const bulk = { action: 'discard', conditions: { state: 'dead', tenant: 'globex' } };
    expect((await ask(host.app, '/api/bulk/preview', as('acme', { body: bulk }))).status).toBe(404);
  });

  it('is to see their bulk operations, however many others have begun later', async () => {
    const body = payload();
    await host.app.inbox.ingest(body, { tenant: 'acme' });
    const delivery = await host.app.inbox.find({ sessionId: String(body.sessionId), tenant: 'acme' });
    await host.app.inbox.discard(String(delivery?.id));
    const asked = { action: 'replay', conditions: { state: 'discarded' } };
    const preview = await ask(host.app, '/api/bulk/preview', as('acme', { body: asked }));
    const { token, count: expected } = preview.body as { token: string; count: number };
    const started = await ask(host.app, '/api/bulk', as('acme', { body: { token, expected } }));
    const { id } = (started.body as { bulk: { id: string } }).bulk;
    const beside = await host.database.connect();
    const [own] = (await beside.query('SELECT * FROM cr3dentials_webhook_bulk')) as Record<string, unknown>[];
    const others = { ...own, state: 'completed', selection: '{"state":"discarded","tenant":"globex"}' };
    const insert = `INSERT INTO cr3dentials_webhook_bulk (${Object.keys(others).join()}) VALUES (${Object.keys(others)
      .map(() => '?')
      .join()})`;
    for (let n = 0; n < 120; n++) await beside.query(insert, Object.values({ ...others, id: uuidv7() }));
    const list = await ask(host.app, '/api/bulk', as('acme'));
    expect((list.body as { items: { id: string }[] }).items.map((one) => one.id)).toEqual([id]);
  });

  it('is protected by headers on every answer, refusals too', async () => {
    for (const asked of [as('alice'), {}, as('nobody')]) {
      const { headers } = await ask(host.app, '/api/session', asked);
      expect(headers).toMatchObject({
        'content-security-policy': expect.stringMatching(/default-src 'none'.*require-trusted-types-for 'script'/),
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      });
    }
  });

  it('is served from the package, with a hash in each address', async () => {
    const { text } = await ask(host.app, '', as('alice'));
    const files = [...text.matchAll(/\?file=([\w.-]+)/g)].map(([, file]) => String(file));
    expect(files.length).toBeGreaterThanOrEqual(2);
    for (const file of files) {
      const got = await ask(host.app, `?file=${file}`, as('alice'));
      expect([got.status, got.headers['cache-control']]).toEqual([200, 'private, max-age=31536000, immutable']);
      const zipped = await ask(host.app, `?file=${file}`, as('alice', { headers: { 'accept-encoding': 'gzip' } }));
      expect([zipped.headers['content-encoding'], zipped.headers.vary]).toEqual([
        'gzip',
        expect.stringMatching(/Accept-Encoding/),
      ]);
      const known = { 'if-none-match': String(got.headers.etag) };
      expect((await ask(host.app, `?file=${file}`, as('alice', { headers: known }))).status).toBe(304);
    }
    expect((await ask(host.app, '?file=page.000000000000.js', as('alice'))).status).toBe(404);
    expect((await ask(host.app, `?file=../package.json`, as('alice'))).status).toBe(404);
  });
});
