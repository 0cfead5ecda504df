import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Host, SECRET } from './host.mjs';
import { output } from './process.mjs';

const ROUTE = '/api/webhook/cr3dentials';
const TIMEOUT_MS = 10_000;

/** Boots a host with OpenTelemetry, prom-client and Terminus, and looks at what each of them has seen of a delivery. */
export async function observed(options) {
  const host = await Host.boot({ ...options, entry: 'dist/observed.main.js' });
  try {
    const body = { sessionId: randomUUID(), status: 'ERROR', platformId: 1 };
    assert.equal((await host.post(ROUTE, body, { 'x-api-key': SECRET })).status, 200);
    const { spans, metrics, registry } = await seen(host);
    const [record, ...others] = spans.filter(({ name }) => name === 'record inbox');
    assert.deepEqual(others, []);
    const [first, retry] = spans.filter(({ name }) => name === 'handle accounts.release');
    assert.deepEqual([first.parentId, first.traceId, first.linkedIds], [record.id, record.traceId, []]);
    assert.deepEqual([retry.parentId, retry.linkedIds], [undefined, [record.id]]);
    assert.notEqual(retry.traceId, record.traceId);
    for (const name of ['receive.duration', 'handler.duration', 'inbox.oldest_due', 'inbox.readable'])
      assert.ok(metrics.includes(`cr3dentials_webhook.${name}`), metrics.join());
    for (const name of ['receive_duration_seconds', 'handler_duration_seconds', 'inbox_oldest_due_seconds'])
      assert.ok(registry.includes(`cr3dentials_webhook_${name}`), registry.join());
    for (const question of ['live', 'ready', 'well']) {
      const { status, details } = await host.get(`/api/v1/observed/${question}`);
      assert.deepEqual([question, status, details['cr3dentials-webhook'].status], [question, 'ok', 'up']);
    }
  } catch (error) {
    throw new Error(`${error.message}\n${host.lines.slice(-8).join('\n')}`, { cause: error });
  } finally {
    assert.equal(await host.stop(), 'SIGTERM', 'the app ends by the signal it was sent');
  }
}

/** Waits until the handler has run twice. */
async function seen(host) {
  const giveUpAt = performance.now() + TIMEOUT_MS;
  for (;;) {
    const found = await host.get('/api/v1/observed');
    if (found.spans.filter(({ name }) => name === 'handle accounts.release').length === 2) return found;
    if (performance.now() > giveUpAt) throw new Error(`There are the spans ${JSON.stringify(found.spans)}.`);
    await sleep(50);
  }
}

/** Asks for each subpath where the package that it needs is not installed. The rest of the package works there. */
export async function notInstalled(cwd) {
  for (const [subpath, needed] of [
    ['opentelemetry', '@opentelemetry/api'],
    ['prom-client', 'prom-client'],
    ['terminus', '@nestjs/terminus'],
  ]) {
    const name = `nestjs-cr3dentials-webhook/${subpath}`;
    const missing = new RegExp(`Cannot find (module|package) '${needed}'`);
    await assert.rejects(output('node', ['-e', `require('${name}')`], { cwd }), missing);
    await assert.rejects(output('node', ['--input-type=module', '-e', `import '${name}'`], { cwd }), missing);
  }
  await output('node', ['-e', `require('reflect-metadata'); require('nestjs-cr3dentials-webhook')`], { cwd });
}
