import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inPlainText } from '../support/app/keys.js';
import { answersOf, EveryHost, type Host } from '../support/app/every-host.js';
import { hostileStrings } from '../support/http/hostile-strings.js';
import { payload } from '../support/app/payload.js';
import { RememberEvents } from '../support/app/doubles.js';
import { until } from '../support/time/until.js';

type Body = ReturnType<typeof bodyOf>;

/** Each string is a session to one of the hosts, and a reference to the other. */
const pairs = hostileStrings.flatMap((text, index) =>
  index % 2 ? [] : [[text, hostileStrings[index + 1] ?? ''] as const],
);
const bodies = {
  parsed: pairs.map(([one, other]) => bodyOf(one, other)),
  raw: pairs.map(([one, other]) => bodyOf(other, one)),
};

describe.each([
  ['does not keep the raw body', false],
  ['keeps the raw body', true],
])('every hostile string, to a host that %s', (_, keepsRawBody) => {
  let every: EveryHost;

  beforeAll(async () => {
    every = await EveryHost.start((builder) => {
      // With so little room, many deliveries are read from the store again before they are handled.
      const handling = builder.withHandlers(RememberEvents).withOptions({ processing: { concurrency: 16 } });
      return keepsRawBody ? handling.withRawBody() : handling;
    });
  });

  afterAll(() => every?.stop());

  it('is acknowledged wherever a string may stand, and read back as it was sent', async () => {
    for (const changed of await Promise.all(every.hosts.map((host) => changedBy(host, keepsRawBody))))
      expect(changed).toEqual([]);
  }, 120_000);
});

describe('a host whose database changes an accent', () => {
  it('is found out', async () => {
    const every = await EveryHost.start((builder) => inPlainText(builder).withHandlers(RememberEvents));
    try {
      const [host] = every.hosts as [Host];
      const beside = await host.database.connect();
      await beside.query(`CREATE TRIGGER change_accents AFTER INSERT ON cr3dentials_webhook_delivery BEGIN
        UPDATE cr3dentials_webhook_delivery SET raw_body = replace(raw_body, 'é', 'e') WHERE id = NEW.id; END`);
      const accented = ['é', 'né'].map((text) => bodyOf(text));
      expect(await changedBy(host, false, [bodyOf('e'), ...accented])).toEqual(
        accented.flatMap(({ sessionId }) => [`found: ${sessionId}`, `stored: ${sessionId}`]),
      );
    } finally {
      await every.stop();
    }
  });
});

/** The sessions of what did not come back as it was sent, and from where. */
async function changedBy(
  { app, database }: Host,
  keepsRawBody: boolean,
  sent: readonly Body[] = keepsRawBody ? bodies.raw : bodies.parsed,
): Promise<string[]> {
  // Laid out as no serialiser would, to tell the text that came from the text that was made of it.
  const texts = sent.map((body) => JSON.stringify(body, null, keepsRawBody ? '\t ' : ''));
  const answers = await answersOf(
    app,
    texts.map((content, index) => ({ name: String(index), content })),
  );
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  await until('all are completed', async () => (await app.inbox.stats()).completed === sent.length);

  const beside = await database.connect();
  const rows = await beside.query<{ session_id: string; external_reference_id: string; raw_body: string }[]>(
    'SELECT session_id, external_reference_id, raw_body FROM cr3dentials_webhook_delivery',
  );
  const stored = new Map(rows.map((row) => [row.session_id, row]));
  const events = new Map(app.nest.get(RememberEvents).events.map((event) => [event.sessionId, event]));
  const changed: string[] = [];
  for (const [index, body] of sent.entries()) {
    const { sessionId, externalReferenceId } = body;
    const found = await app.inbox.find({ sessionId });
    const row = stored.get(sessionId);
    if (found?.rawBody !== texts[index] || found?.externalReferenceId !== externalReferenceId)
      changed.push(`found: ${sessionId}`);
    const isPlain = !row?.raw_body.startsWith('cw1');
    if (isPlain && (row?.raw_body !== texts[index] || row?.external_reference_id !== externalReferenceId))
      changed.push(`stored: ${sessionId}`);
    if (!isHanded(body, events.get(sessionId))) changed.push(`handled: ${sessionId}`);
  }
  return changed;
}

function isHanded(body: Body, event: Partial<Body> | object | undefined): boolean {
  const { sessionId, externalReferenceId, proofHash, extractedData, metadata } = Object(event) as Partial<Body>;
  const sent = [body.sessionId, body.externalReferenceId, body.proofHash, body.extractedData, body.metadata];
  return JSON.stringify([sessionId, externalReferenceId, proofHash, extractedData, metadata]) === JSON.stringify(sent);
}

/** Two strings in every place where they may stand; in the name of a column, where a column can hold it. */
function bodyOf(one: string, other = one) {
  const both = [one, other].filter((text) => text.length < 50_000); // the others once: else a body is too large
  const held = { list: [[one, other]], ...Object.fromEntries(both.map((text) => [text, text])) };
  return payload({
    sessionId: fitsColumn(one) && one !== '' ? one : `a session of ${one.length}, ${hostileStrings.indexOf(one)}`,
    externalReferenceId: fitsColumn(other) ? other : null,
    extractedData: held,
    proofHash: both[0] ?? null,
    metadata: { list: both, ...Object.fromEntries(both.map((text) => [text, [text]])) },
    undocumented: both,
  }) as {
    sessionId: string;
    externalReferenceId: string | null;
    proofHash: string | null;
    extractedData: Record<string, unknown>;
    metadata: Record<string, unknown>;
  };
}

function fitsColumn(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0') && [...text].length <= 512;
}
