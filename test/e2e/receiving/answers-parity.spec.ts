import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { notJson, readable, tooLarge, unreadable, type OddBody } from '../../support/http/odd-bodies.js';
import { JSON_TYPE, rawPost, said, type RawPost } from '../../support/http/raw-post.js';
import { SECRET, platforms, webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const unreadableBodies = [...unreadable, ...notJson, ...tooLarge];

describe.each([
  ['', false],
  [' that keeps the raw body', true],
])('a host%s', (_, keepsRawBody) => {
  let bases: TestDatabase[];
  let apps: WebhookApp[];

  beforeAll(async () => {
    bases = [];
    apps = [];
    for (const platform of platforms) {
      const database = await freshDatabase('sqlite');
      bases.push(database);
      const builder = webhookApp(database).on(platform);
      apps.push(await (keepsRawBody ? builder.withRawBody() : builder).start());
    }
  });

  afterAll(async () => {
    for (const app of apps) await app.stop();
    for (const database of bases) await database.drop();
  });

  it('gives the same answer on Express and on Fastify to every odd request', async () => {
    const [express, fastify] = await Promise.all(apps.map((app) => answersOf(app, [...readable, ...unreadableBodies])));
    expect(fastify).toEqual(express);
  });

  it('stores the same on Express and on Fastify of every odd request', async () => {
    const [express, fastify] = await Promise.all(
      apps.map(async (app) => {
        await answersOf(app, readable);
        const [newest] = await app.inbox.list();
        const delivery = await app.inbox.find(newest?.id ?? '');
        const rejections = await app.rejections({ limit: 1_000 });
        return [
          delivery?.rawBody,
          delivery?.duplicates,
          ...rejections.map(({ reason, detail, rawBody, sessionId, repeats }) => [
            reason,
            detail,
            rawBody,
            sessionId,
            repeats,
          ]),
        ];
      }),
    );
    expect(fastify).toEqual(express);
    expect(express?.length).toBeGreaterThan(10);
  });

  it('answers 401 to every readable request without a secret', async () => {
    for (const app of apps) {
      const answers = await Promise.all(
        readable.map(async ([name, post]) => [name, (await rawPost(app.url, withoutSecret(post))).status]),
      );
      expect(answers).toEqual(readable.map(([name]) => [name, 401]));
    }
  });

  it.each(['without a secret', 'with a wrong one'])(
    'gives the same answer on Express and on Fastify to every odd request %s',
    async (how) => {
      const posts = [...readable, ...unreadableBodies].map(([name, post]): OddBody => {
        const { headers = [] } = withoutSecret(post);
        return [
          name,
          { ...post, headers: how === 'with a wrong one' ? [['X-API-Key', 'wrong'], ...headers] : headers },
        ];
      });
      const [express, fastify] = await Promise.all(apps.map((app) => answersOf(app, posts)));
      expect(fastify).toEqual(express);
    },
  );
});

/** One after the other: which comes first decides what is a duplicate. */
async function answersOf(app: WebhookApp, posts: readonly OddBody[]): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  for (const [name, post] of posts) answers[name] = said(await rawPost(app.url, post));
  return answers;
}

function withoutSecret({ headers = [JSON_TYPE], ...post }: RawPost): RawPost {
  return { ...post, headers: headers.filter(([, value]) => value !== SECRET) };
}
