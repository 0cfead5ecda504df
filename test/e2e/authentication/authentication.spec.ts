import { describe, expect, it } from '@jest/globals';
import type { AuthOptions, Clock } from 'nestjs-cr3dentials-webhook';
import { createHash } from 'node:crypto';
import { freshHost, sharedHost } from '../../support/app/fresh-host.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { JSON_TYPE, rawPost, said } from '../../support/http/raw-post.js';
import { platforms, type Answer, type WebhookApp } from '../../support/app/webhook-app.js';

const SECRET = 'Kestrel-Over-The-9-Moors=~!';
const MINUTE = 60_000;

const ACCEPTED = 200;
const UNAUTHORIZED = {
  status: 401,
  body: '{"statusCode":401,"error":"Unauthorized","message":"The webhook secret is missing or wrong."}',
  type: 'application/json; charset=utf-8',
};

type Headers = (readonly [name: string, value: string])[];

function knock(app: WebhookApp, headers: Headers, path?: string): Promise<Answer> {
  return rawPost(app.url, { content: JSON.stringify(payload()), headers: [JSON_TYPE, ...headers], path });
}

describe.each(platforms)('a sender, on %s', (platform) => {
  const host = sharedHost('sqlite', (a) => a.on(platform).withOptions({ auth: { secrets: [SECRET] } }));

  it.each<[string, Headers]>([
    ['the secret', [['X-API-Key', SECRET]]],
    ['the header in lower case', [['x-api-key', SECRET]]],
    ['the header in upper case', [['X-API-KEY', SECRET]]],
    ['white space around the secret, which HTTP does not count', [['X-API-Key', ` \t${SECRET} \t`]]],
    [
      'another header beside it',
      [
        ['X-API-Key', SECRET],
        ['Authorization', 'Basic bWU6bWU='],
        ['X-API-Key-2', 'wrong'],
      ],
    ],
  ])('is accepted with %s', async (_, headers) => {
    expect((await knock(host.app, headers)).status).toBe(ACCEPTED);
  });

  it.each<[string, Headers]>([
    ['no header', []],
    ['an empty header', [['X-API-Key', '']]],
    ['a header of white space', [['X-API-Key', ' \t ']]],
    ['another secret', [['X-API-Key', 'Kestrel-Over-The-9-Moors=~?']]],
    ['the secret in another case', [['X-API-Key', SECRET.toLowerCase()]]],
    ['the secret cut off', [['X-API-Key', SECRET.slice(0, -1)]]],
    ['its first character', [['X-API-Key', 'K']]],
    ['more than the secret', [['X-API-Key', `${SECRET}!`]]],
    ['much more than the secret', [['X-API-Key', SECRET.repeat(300)]]],
    ['the secret in quotes', [['X-API-Key', `"${SECRET}"`]]],
    ['the secret behind a scheme', [['X-API-Key', `Bearer ${SECRET}`]]],
    ['the secret in a list', [['X-API-Key', `${SECRET}, ${SECRET}`]]],
    [
      'the secret twice',
      [
        ['X-API-Key', SECRET],
        ['X-API-Key', SECRET],
      ],
    ],
    [
      'the secret twice, in other cases of the header',
      [
        ['X-API-Key', SECRET],
        ['x-api-key', SECRET],
      ],
    ],
    [
      'the secret and then another',
      [
        ['X-API-Key', SECRET],
        ['X-API-Key', 'wrong'],
      ],
    ],
    [
      'another and then the secret',
      [
        ['X-API-Key', 'wrong'],
        ['X-API-Key', SECRET],
      ],
    ],
    [
      'the secret and then nothing',
      [
        ['X-API-Key', SECRET],
        ['X-API-Key', ''],
      ],
    ],
    [
      'nothing and then the secret',
      [
        ['X-API-Key', ''],
        ['X-API-Key', SECRET],
      ],
    ],
    ['the secret in another header', [['X-API-Keys', SECRET]]],
    ['the secret as Authorization', [['Authorization', SECRET]]],
    ['characters past ASCII', [['X-API-Key', `${SECRET}é\xff`]]],
    ['the digest of the secret', [['X-API-Key', createHash('sha256').update(SECRET).digest('hex')]]],
    ['something every object has', [['X-API-Key', 'constructor']]],
  ])('is answered the same 401 with %s', async (_, headers) => {
    const rows = await host.app.inbox.list({ limit: 1_000 });
    const answer = await knock(host.app, headers);
    expect(said(answer)).toEqual(UNAUTHORIZED);
    expect(answer.headers).not.toHaveProperty('www-authenticate');
    expect(await host.app.inbox.list({ limit: 1_000 })).toHaveLength(rows.length);
    expect(await host.app.inbox.rejections.list()).toEqual([]);
  });

  it('is counted as refused when it is answered 401', async () => {
    const { refused } = await host.app.inbox.stats();
    await knock(host.app, []);
    await knock(host.app, [['X-API-Key', 'wrong']]);
    await knock(host.app, [['X-API-Key', SECRET]]);
    expect((await host.app.inbox.stats()).refused).toEqual({ ...refused, unauthorized: refused.unauthorized + 2 });
  });

  it('is answered 401 for an invalid payload too, and nothing is stored', async () => {
    for (const body of [payload({ sessionId: 1 }), payload({ status: 'ARCHIVED' })]) {
      expect(said(await host.app.post(body, { headers: { 'x-api-key': 'wrong' } }))).toEqual(UNAUTHORIZED);
    }
    expect(await host.app.inbox.rejections.list()).toEqual([]);
  });

  it('is answered 401 with the secret in the query or in the body', async () => {
    expect(said(await knock(host.app, [], `/webhook/cr3dentials?x-api-key=${SECRET}&X-API-Key=${SECRET}`))).toEqual(
      UNAUTHORIZED,
    );
    const body = JSON.stringify(payload({ 'x-api-key': SECRET, secret: SECRET }));
    expect(said(await rawPost(host.app.url, { content: body, headers: [JSON_TYPE] }))).toEqual(UNAUTHORIZED);
  });

  it('sends headers of which nothing is logged', () => {
    const ours = /^WARN Answered 401 to \d+ POST/;
    const lines = host.app.logger.lines.filter((line) => !ours.test(line));
    expect(lines.filter((line) => /Kestrel|kestrel|Bearer|wrong/.test(line))).toEqual([]);
  });
});

describe.each(platforms)('the auth option, on %s', (platform) => {
  const host = freshHost('sqlite');

  function start(auth: AuthOptions | 'none', clock?: Clock): Promise<WebhookApp> {
    return host.start((builder) => {
      const built = builder.on(platform).withOptions({ auth });
      return clock ? built.withClock(clock) : built;
    });
  }

  it('reads the secret from the configured header only', async () => {
    const app = await start({ header: 'X-Partner-Token', secrets: [SECRET] });
    expect((await knock(app, [['x-partner-TOKEN', SECRET]])).status).toBe(ACCEPTED);
    expect(said(await knock(app, [['X-API-Key', SECRET]]))).toEqual(UNAUTHORIZED);
  });

  it('is told of in the log by what is wrong with it', async () => {
    const app = await start({ secrets: [SECRET] });
    await knock(app, []);
    await knock(app, [['X-API-Key', '']]);
    await knock(app, [
      ['X-API-Key', SECRET],
      ['X-API-Key', SECRET],
    ]);
    await knock(app, [['X-API-Key', 'another']]);
    await host.stop(app); // writes what was held back
    expect(app.logger.matching(/401/)).toEqual([
      expect.stringMatching(/^WARN Answered 401 to 1 POST: no header with the secret\./),
      expect.stringMatching(/^WARN Answered 401 to 1 POST: two headers with the secret\./),
      expect.stringMatching(/^WARN Answered 401 to 1 POST: the secret is not valid here\./),
      expect.stringMatching(/^WARN Answered 401 to 1 POST: no header with the secret\./),
    ]);
  });

  it.each(['Authorization', 'From', 'User-Agent', 'Referer', 'Cookie', 'X-Forwarded-For'])(
    'reads the secret from %s as it stands, and refuses a second one',
    async (header) => {
      const app = await start({ header, secrets: [SECRET, `Bearer ${SECRET}`] });
      expect((await knock(app, [[header, SECRET]])).status).toBe(ACCEPTED);
      expect((await knock(app, [[header, `Bearer ${SECRET}`]])).status).toBe(ACCEPTED);
      for (const second of [SECRET, 'wrong', '']) {
        expect(
          said(
            await knock(app, [
              [header, SECRET],
              [header, second],
            ]),
          ),
        ).toEqual(UNAUTHORIZED);
        expect(
          said(
            await knock(app, [
              [header, second],
              [header, SECRET],
            ]),
          ),
        ).toEqual(UNAUTHORIZED);
      }
    },
  );

  it('accepts nobody by Set-Cookie, which Node parses into a list', async () => {
    const app = await start({ header: 'Set-Cookie', secrets: [SECRET] });
    expect(said(await knock(app, [['Set-Cookie', SECRET]]))).toEqual(UNAUTHORIZED);
    expect(said(await knock(app, []))).toEqual(UNAUTHORIZED);
  });

  it('accepts each of several secrets', async () => {
    const secrets = [SECRET, { value: 'the-one-of-next-month' }, { value: 'the-one-of-the-tests', id: 'tests' }];
    const app = await start({ secrets });
    for (const value of [SECRET, 'the-one-of-next-month', 'the-one-of-the-tests']) {
      expect((await knock(app, [['X-API-Key', value]])).status).toBe(ACCEPTED);
    }
    expect(said(await knock(app, [['X-API-Key', 'tests']]))).toEqual(UNAUTHORIZED);
  });

  it('accepts each secret until it expires', async () => {
    const clock = new MovingClock();
    const soon = new Date(clock.now() + MINUTE);
    const app = await start({ secrets: [{ value: 'the-one-that-expires', notAfter: soon }, SECRET] }, clock);
    expect((await knock(app, [['X-API-Key', 'the-one-that-expires']])).status).toBe(ACCEPTED);
    clock.advance(MINUTE + 1);
    expect(said(await knock(app, [['X-API-Key', 'the-one-that-expires']]))).toEqual(UNAUTHORIZED);
    expect((await knock(app, [['X-API-Key', SECRET]])).status).toBe(ACCEPTED);
  });

  it('accepts everyone as "none", and warns of it', async () => {
    const app = await start('none');
    expect((await knock(app, [])).status).toBe(ACCEPTED);
    expect(
      (
        await knock(app, [
          ['X-API-Key', 'a'],
          ['X-API-Key', 'b'],
        ])
      ).status,
    ).toBe(ACCEPTED);
    expect((await knock(app, [['Content-Type', 'application/json']])).status).toBe(ACCEPTED);
    expect(app.logger.matching(/^WARN auth is "none".*\/webhook\/cr3dentials.*Set auth\.secrets/)).toHaveLength(1);
  });

  it('warns of a short secret by its id or its index, and never prints it', async () => {
    const secrets = ['long-enough-at16', 'pebble', { value: 'brook', id: 'staging' }, { value: 'exactly-15-long' }];
    const app = await start({ secrets });
    const warnings = app.logger.matching(/fewer than 16 characters/).map((line) => line.split(' has ')[0]);
    expect(warnings).toEqual(['WARN auth.secrets[1]', 'WARN Secret "staging"', 'WARN auth.secrets[3]']);
    expect(app.logger.matching(/pebble|brook|exactly|long-enough/)).toEqual([]);
    expect((await knock(app, [['X-API-Key', 'pebble']])).status).toBe(ACCEPTED);
  });

  it('warns of an expired secret by the clock that refuses it', async () => {
    const clock = new MovingClock();
    const secrets = [{ value: 'the-one-that-expired', id: 'old', notAfter: new Date(clock.now() + MINUTE) }, SECRET];
    clock.advance(2 * MINUTE);
    const app = await start({ secrets }, clock);
    expect(said(await knock(app, [['X-API-Key', 'the-one-that-expired']]))).toEqual(UNAUTHORIZED);
    expect(app.logger.matching(/^WARN Secret "old" has expired/)).toHaveLength(1);
    expect(app.logger.matching(/the-one-that-expired/)).toEqual([]);
  });
});
