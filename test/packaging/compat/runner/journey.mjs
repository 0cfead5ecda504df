import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Host, SECRET } from './host.mjs';

const ROUTE = '/api/webhook/cr3dentials';
/**
 * What a handler of the host throws, what is kept of an invalid POST, what counts those that are refused, and what Nest
 * says of middleware of other packages, and Node of a header that HTTP/2 does not have.
 */
const EXPECTED =
  /The ledger is closed|kept as rejections \(invalid\)|Answered 4\d\d to \d+ POST|Unsupported route path|The provided connection header is not valid/;
const secret = { 'x-api-key': SECRET };

/**
 * Boots an app, posts to it what a provider might, looks at what has come of it, and ends it. With `isInterrupted`, ends
 * another one in the middle of a handler too.
 */
export async function journey(options) {
  const host = await Host.boot(options);
  try {
    await hostsOwnRoutesAreGuarded(host);
    await completedOnce(host);
    await retried(host);
    await refused(host);
  } catch (error) {
    throw new Error(`${error.message}\n${host.lines.slice(-8).join('\n')}`, { cause: error });
  } finally {
    assert.equal(await host.stop(), 'SIGTERM', 'the app ends by the signal it was sent');
  }
  if (options.isInterrupted) await interrupted(options);
  const ours = host.lines.filter((line) => /[["]Cr3dentialsWebhook[\]"]/.test(line));
  assert.ok(
    ours.some((line) => line.includes(`POST ${ROUTE} | inbox in `) && line.includes('(durable)')),
    ours.join('\n'),
  );
  const complaints = host.lines.filter(
    (line) => / (ERROR|WARN|FATAL) \[|"level":[456]0|Warning/.test(line) && !EXPECTED.test(line),
  );
  assert.deepEqual(complaints, []);
}

/** Ends the app in the middle of a handler. The next one calls it again, and no attempt is used up. */
async function interrupted(options) {
  const sessionId = randomUUID();
  const first = await Host.boot({ ...options, env: { ...options.env, HOLD: 'true' } });
  try {
    assert.equal((await first.post(ROUTE, { sessionId, status: 'TERMINATED', platformId: 1 }, secret)).status, 200);
    await first.said(`Holding ${sessionId}`);
  } finally {
    assert.equal(await first.stop(), 'SIGTERM', 'the app ends by the signal it was sent');
  }
  const second = await Host.boot(options);
  try {
    const { delivery, calls } = await settled(second, sessionId);
    assert.equal(delivery.state, 'completed');
    assert.deepEqual(
      calls.filter(({ by }) => by === 'end'),
      [{ by: 'end', sessionId, attempt: 1 }],
    );
  } finally {
    await second.stop();
  }
}

/** The negative control: what the host sets up for all of its routes does stand before them. */
async function hostsOwnRoutesAreGuarded(host) {
  assert.equal((await host.post('/api/v1/accounts', { sessionId: 'a' })).status, 403);
  const token = { authorization: 'Bearer host' };
  assert.equal((await host.post('/api/v1/accounts', { sessionId: 'a' }, token)).status, 201);
  assert.equal((await host.post('/api/v1/accounts', { sessionId: 'a', more: 1 }, token)).status, 400);
}

async function completedOnce(host) {
  const sessionId = randomUUID();
  // Digits that JavaScript's numbers do not hold, and a field that the contract does not name.
  const body = `{ "sessionId": "${sessionId}", "status": "COMPLETED", "platformId": 1, "beyond": true,
    "extractedData": { "accountHolder": "Ångström", "accountNumber": 12345678901234567890 } }`;
  const answers = await Promise.all([1, 2, 3].map(() => host.post(ROUTE, body, secret)));
  for (const answer of answers) assert.deepEqual(answer, { status: 200, text: '{"received":true}' });
  const { delivery, activations, calls } = await settled(host, sessionId);
  assert.deepEqual([delivery.state, delivery.duplicates, activations], ['completed', 2, 1]);
  assert.equal(delivery.rawBody, body);
  assert.deepEqual(
    calls.toSorted((a, b) => a.by.localeCompare(b.by)),
    [
      { by: 'listen', sessionId },
      { by: 'note', sessionId, holder: 'Ångström' },
    ],
  );
}

async function retried(host) {
  const sessionId = randomUUID();
  assert.equal((await host.post(ROUTE, { sessionId, status: 'ERROR', platformId: 1 }, secret)).status, 200);
  const { delivery, calls } = await settled(host, sessionId);
  assert.equal(delivery.state, 'completed');
  assert.deepEqual(calls.map(({ by, attempt }) => `${by} ${attempt ?? ''}`.trim()).toSorted(), [
    'note',
    'release 1',
    'release 2',
  ]);
}

async function refused(host) {
  const body = { sessionId: randomUUID(), status: 'COMPLETED', platformId: 1 };
  assert.equal((await host.post(ROUTE, body)).status, 401);
  assert.equal((await host.post(ROUTE, body, { 'x-api-key': `${SECRET}!` })).status, 401);
  assert.equal((await host.post(ROUTE, 'private=1', { ...secret, 'content-type': 'text/plain' })).status, 415);
  const unreadable = await host.post(ROUTE, '{ "private" ', secret);
  assert.deepEqual([unreadable.status, unreadable.text.includes('private')], [400, false]);
  const invalid = await host.post(ROUTE, { ...body, platformId: 'one' }, secret);
  assert.equal(invalid.status, 400);
  assert.deepEqual(Object.keys(JSON.parse(invalid.text).violations), ['platformId']);
  assert.equal((await host.get(`/api/v1/accounts/${body.sessionId}`)).delivery, null);
}

async function settled(host, sessionId) {
  const giveUpAt = performance.now() + 10_000;
  for (;;) {
    const found = await host.get(`/api/v1/accounts/${sessionId}`);
    if (found.delivery && !['pending', 'processing'].includes(found.delivery.state)) return found;
    if (performance.now() > giveUpAt) throw new Error(`It has not settled: ${JSON.stringify(found)}`);
    await sleep(20);
  }
}
