import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { EveryHost, type NamedPost } from '../support/app/every-host.js';
import { hostileStrings, parsingCases } from '../support/http/hostile-strings.js';
import { inPlainText } from '../support/app/keys.js';
import { JSON_TYPE, WITH_SECRET } from '../support/http/raw-post.js';
import { differences, readStoredRows } from '../support/database/stored-rows.js';
import { everyFieldAtOnce, openPlaces, places, type Place } from '../support/app/payload-places.js';

/** `INPUT_PLACES=all`: every string in every place, one at a time; else the strings take turns. */
const allPlaces = process.env.INPUT_PLACES === 'all';
jest.setTimeout(allPlaces ? 1_200_000 : 120_000);

const [anyValue] = openPlaces as [Place];

describe('hostile strings, to the same app on every database and platform', () => {
  let every: EveryHost;

  beforeAll(async () => {
    every = await EveryHost.start(inPlainText); // what is sealed differs each time
  });

  afterAll(() => every?.stop());

  it('are answered 400 in the place of a body', async () => {
    const posts = hostileStrings.map((content) => named(content, content));
    expect(await every.compare(posts)).toEqual({ statuses: { 400: posts.length }, disagreements: [] });
  });

  it('are answered 400 in every documented field at once', async () => {
    const short = hostileStrings.filter((text) => text.length < 50_000); // else too large, eight times
    const posts = short.map((text) => named(text, everyFieldAtOnce(JSON.stringify(text))));
    expect(await every.compare(posts)).toEqual({ statuses: { 400: posts.length }, disagreements: [] });
  });

  it('are answered the same, as a value and in the place of one', async () => {
    const posts = hostileStrings.flatMap((text, index) => inPlaces(text, index));
    const { statuses, disagreements } = await every.compare(posts);
    expect(disagreements).toEqual([]);
    expect(Object.keys(statuses)).toEqual(['200', '400']);
  });

  it.each([
    ['accepts all that every parser has to accept', 'y_', 200],
    ['refuses all that every parser has to refuse', 'n_', 400],
  ])('are answered as a JSON parser must, every host %s', async (_, kind, status) => {
    const cases = parsingCases.filter(({ name }) => name.startsWith(kind) && !reachesPrototype(name));
    const posts = cases.map(({ name, input }) => named(name, anyValue.around(input, name)));
    expect(posts.length).toBeGreaterThan(90);
    expect(await every.compare(posts)).toEqual({ statuses: { [status]: posts.length }, disagreements: [] });
  });

  it('are stored the same by every host', async () => {
    const [first, ...others] = await Promise.all(every.hosts.map(({ database }) => readStoredRows(database)));
    expect(first?.deliveries.length).toBeGreaterThan(300);
    expect(first?.rejections.length).toBeGreaterThan(500);
    for (const other of others) {
      expect(differences(other.deliveries, first?.deliveries)).toEqual([]);
      expect(differences(other.rejections, first?.rejections)).toEqual([]);
    }
  });
});

describe('the comparison of hosts', () => {
  it('reports every post that one host answers with another letter', async () => {
    const every = await EveryHost.start((builder, platform, kind) =>
      platform === 'fastify' && kind === 'sqlite'
        ? builder.configured((host) => changeAnswers(host.getHttpAdapter().getInstance()))
        : builder,
    );
    try {
      const posts = [named('none', '{"a":1}'), named('good', anyValue.around('1', 'good'))];
      const { statuses, disagreements } = await every.compare(posts);
      expect(statuses).toEqual({});
      expect(disagreements.map(({ name }) => name)).toEqual(['none', 'good']);
    } finally {
      await every.stop();
    }
  });
});

interface Fastify {
  addHook(name: 'onSend', hook: (request: unknown, reply: unknown, sent: string, done: Done) => void): void;
}
type Done = (error: null, sent: string) => void;

function changeAnswers(fastify: Fastify): void {
  fastify.addHook('onSend', (_request, _reply, sent, done) => done(null, sent.replace('e', 'E')));
}

function inPlaces(text: string, index: number): NamedPost[] {
  const forms: [how: string, text: string][] = [
    ['as a string', JSON.stringify(text)],
    ['as it is', text],
  ];
  const all = places.flatMap((place) =>
    forms.map(([how, form]) =>
      named(`${place.name} ${how}: ${text}`, place.around(form, `${place.name} ${how} ${index}`)),
    ),
  );
  return allPlaces ? all : [all[index % all.length] as NamedPost];
}

function named(name: string, content: string): NamedPost {
  return { name: name.slice(0, 100), content, headers: [WITH_SECRET, JSON_TYPE] };
}

/** The only one of JSONTestSuite's that is refused although it is JSON. */
function reachesPrototype(name: string): boolean {
  return name.includes('__proto__');
}
