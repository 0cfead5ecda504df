import { describe, expect, it } from '@jest/globals';
import { request as httpRequest } from 'node:http';
import { AGENT, HOLDER } from '../../support/app/canaries.js';
import { freshHost, RECEIVE_ONLY, sharedHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms, type WebhookApp } from '../../support/app/webhook-app.js';
import { as, ask, dashboard, PATH } from '../../support/dashboard/dashboard-app.js';
import { databases } from '../../support/database/databases.js';

const PERSON = [HOLDER, AGENT, 'checking'];
const REVEALS = 200;
const REASON = 'ticket 4711';

async function received(app: WebhookApp, overrides: Record<string, unknown> = {}) {
  const body = payload(overrides);
  await app.post(body);
  const { sessionId } = body as { sessionId: string };
  return { sessionId, id: String((await app.inbox.find({ sessionId }))?.id) };
}

/** Asks to be shown contents, and hangs up at some moment. Resolves to whether they came. */
function revealAndHangUp(app: WebhookApp, id: string, afterMs: number): Promise<boolean> {
  const content = JSON.stringify({ reason: REASON });
  return new Promise((resolve) => {
    let text = '';
    const request = httpRequest(`${app.url}${PATH}/api/deliveries/${id}/reveal`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer alice',
        'content-type': 'application/json',
        'x-inbox-request': '1',
        'content-length': String(Buffer.byteLength(content)),
        connection: 'close',
      },
    });
    request.on('response', (response) => response.on('data', (chunk: Buffer) => (text += chunk.toString())));
    request.on('error', () => {});
    request.on('close', () => resolve(text.includes(HOLDER)));
    request.end(content);
    const timer = setTimeout(() => request.destroy(), afterMs);
    request.on('close', () => clearTimeout(timer));
  });
}

/** Shows the type of an account, and throws where there is none. */
const mask = (body: unknown) => {
  const { extractedData } = body as { extractedData: { accountType?: string } };
  if (!extractedData.accountType) throw new Error(`no account of ${HOLDER}`);
  return { type: extractedData.accountType };
};

describe.each(databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const)))(
  'what a page shows of a person, on %s and %s',
  (kind, platform) => {
    const host = sharedHost(kind, (a) => a.on(platform).withOptions(RECEIVE_ONLY).importing(dashboard()));

    it('is nothing in any answer but a reveal', async () => {
      const { app } = host;
      const { sessionId, id } = await received(app);
      await app.post(payload({ sessionId, status: 'ERROR', extractedData: { accountHolder: `${HOLDER} II` } }));
      await app.post({ ...payload(), platformId: HOLDER });
      const rejections = (await ask(app, '/api/rejections', as('alice'))).body as { items: { id: string }[] };
      const paths = [
        '/api/deliveries',
        `/api/deliveries/${id}`,
        '/api/rejections',
        ...rejections.items.map((row) => `/api/rejections/${row.id}`),
        '/api/actions',
        '/api/session',
      ];
      expect(paths.length).toBe(7);
      const answers = await Promise.all(paths.map((path) => ask(app, path, as('alice'))));
      answers.push(await ask(app, '/api/find', as('alice', { body: { value: sessionId } })));
      for (const { status, text, headers } of answers) {
        expect(status).toBe(200);
        for (const word of PERSON) expect(text + JSON.stringify(headers)).not.toContain(word);
      }
      const shown = await ask(app, `/api/deliveries/${id}/reveal`, as('alice', { body: { reason: REASON } }));
      for (const word of PERSON) expect(shown.text).toContain(word); // the control
    });

    it('needs a reason and a pace', async () => {
      const { app } = host;
      const { id } = await received(app);
      for (const body of [{}, { reason: 'why' }, { reason: '          ' }, { reason: 'x'.repeat(301) }]) {
        const got = await ask(app, `/api/deliveries/${id}/reveal`, as('alice', { body }));
        expect([got.status, got.body]).toMatchObject([400, { code: 'BODY_INVALID' }]);
      }
      expect(await app.inbox.actions.list({ targetId: id })).toEqual([]);
      const [statuses, waits]: [number[], number[]] = [[], []];
      for (let n = 0; n < 25; n++) {
        const got = await ask(app, `/api/deliveries/${id}/reveal`, as('alice', { body: { reason: REASON } }));
        statuses.push(got.status);
        waits.push(Number(got.headers['retry-after'] ?? 0));
      }
      expect(statuses).toContain(200);
      expect(statuses.at(-1)).toBe(429);
      expect(waits.at(-1)).toBeGreaterThan(0);
      const actions = await app.inbox.actions.list({ targetId: id, limit: 100 });
      expect(actions.filter(({ action }) => action === 'reveal')).toHaveLength(
        statuses.filter((s) => s === 200).length,
      );
      expect(actions.filter(({ action }) => action === 'reveal-refused')).toHaveLength(
        statuses.filter((s) => s === 429).length,
      );
    });
  },
);

describe.each(databases)('contents that are shown, on %s', (kind) => {
  const host = freshHost(kind);

  it('are recorded before they are, however the connection ends', async () => {
    const module = dashboard({ reveal: { perMinute: 1_000 }, limits: { queries: 20 } });
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY).importing(module));
    const { id } = await received(app);
    let shown = 0;
    for (let n = 0; n < REVEALS; n += 10)
      shown += (
        await Promise.all(
          Array.from({ length: 10 }, (_, m) => revealAndHangUp(app, id, m < 5 ? (n * 7 + m * 13) % 60 : 5_000)),
        )
      ).filter(Boolean).length;
    const recorded = () => app.inbox.actions.list({ targetId: id, limit: 1_000 });
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThan(REVEALS); // the control: some were cut off
    const all = await recorded();
    expect(all.length).toBeGreaterThanOrEqual(shown);
    expect(all.every((one) => one.operator === 'alice@example.com' && one.reason === REASON)).toBe(true);
  });

  it('are not if it cannot be recorded', async () => {
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY).importing(dashboard()));
    const { id } = await received(app);
    const beside = await host.database.connect();
    await beside.query('ALTER TABLE cr3dentials_webhook_action RENAME TO elsewhere');
    const got = await ask(app, `/api/deliveries/${id}/reveal`, as('alice', { body: { reason: REASON } }));
    await beside.query('ALTER TABLE elsewhere RENAME TO cr3dentials_webhook_action');
    expect([got.status, got.body]).toMatchObject([500, { code: 'INBOX_FAILED' }]);
    expect(got.text).not.toContain(HOLDER);
    expect((await ask(app, `/api/deliveries/${id}/reveal`, as('alice', { body: { reason: REASON } }))).status).toBe(
      200,
    );
  });

  it('are masked by the rule of the host in the detail, and not at all if it throws', async () => {
    const app = await host.start((a) =>
      a.withOptions(RECEIVE_ONLY).importing(dashboard({ mask, maskReferences: true })),
    );
    const { id } = await received(app);
    const { id: other } = await received(app, { extractedData: { accountHolder: HOLDER } });
    const [one, two] = await Promise.all([id, other].map((key) => ask(app, `/api/deliveries/${key}`, as('alice'))));
    expect(one?.body).toMatchObject({ payload: { kind: 'custom', value: { type: 'checking' } } });
    expect(two?.body).toMatchObject({ payload: { kind: 'cut' } });
    expect(two?.text).not.toContain(HOLDER);
    const { items } = (await ask(app, '/api/deliveries', as('alice'))).body as { items: object[] };
    expect(items).toMatchObject([
      { sessionId: null, reference: null },
      { sessionId: null, reference: null },
    ]);
  });

  it('are not shown by what a conflict changes, if the host has a rule for names', async () => {
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY).importing(dashboard({ mask: () => null })));
    const { sessionId } = await received(app, { extractedData: { [HOLDER]: 1, same: 2 } });
    const other = { sessionId, status: 'ERROR', extractedData: { same: 3 }, [HOLDER]: 1, externalReferenceId: HOLDER };
    await app.post(payload(other));
    const [rejection] = await app.inbox.rejections.list();
    const got = await ask(app, `/api/rejections/${rejection?.id}`, as('alice'));
    const { changes } = got.body as { changes: object[] };
    expect(changes).toEqual([
      expect.objectContaining({ path: 'status', before: { kind: 'shown', value: 'COMPLETED' } }),
      { path: 'externalReferenceId', change: 'changed' },
      { path: 'extractedData', change: 'changed' },
    ]);
    expect(JSON.stringify(changes)).not.toContain(HOLDER);
  });
});
