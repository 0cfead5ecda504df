import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cr3dentialsSimulator, type PortalDelivery } from 'nestjs-cr3dentials-webhook/testing';
import { HOLDER, SECRET } from '../support/app/canaries.js';
import { ExampleProcess } from '../support/app/example-process.js';
import { payload } from '../support/app/payload.js';
import { until } from '../support/time/until.js';

const REFERENCE = 'reference-of-a-person-8841';

/** Runs the demo for one delivery, kills it, and answers what its files hold. */
async function filesAfterDelivery(environment: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
  const file = join(folder, 'demo.sqlite');
  const demo = await ExampleProcess.start('demo', { DATABASE_URL: file, ...environment });
  try {
    // The demo has a table of its own, in which it keeps names of accounts: an errored session has none.
    expect(await demo.post(payload({ status: 'CANCELLED', externalReferenceId: REFERENCE }))).toBe(200);
    await until('it is handled', async () => {
      const stats = (await (await fetch(`${demo.url}/inbox`)).json()) as { pending: number; processing: number };
      return stats.pending + stats.processing === 0;
    });
  } finally {
    await demo.end('SIGKILL'); // its log of writes stays
  }
  const files = await Promise.all([file, `${file}-wal`].map((name) => readFile(name, 'latin1').catch(() => '')));
  await rm(folder, { recursive: true });
  return files.join('\n');
}

describe('the demo', () => {
  it("prints the address of the operator's page, which is open to this machine", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
    const demo = await ExampleProcess.start('demo', { DATABASE_URL: join(folder, 'demo.sqlite') });
    try {
      await until('it is ready', () => /page, for this machine only/.test(demo.output));
      const [, url = ''] = /this machine only: (\S+)/.exec(demo.output) ?? [];
      expect(url).toBe(`${demo.url}/ops/inbox`);
      expect(await (await fetch(url)).text()).toContain('<!doctype html>');
      expect(await (await fetch(`${url}/api/session`)).json()).toMatchObject({ environment: 'demo' });
      const proxied = await fetch(`${url}/api/session`, { headers: { 'x-forwarded-for': '127.0.0.1' } });
      expect(proxied.status).toBe(403);
      await proxied.body?.cancel();
    } finally {
      await demo.end();
      await rm(folder, { recursive: true });
    }
  });

  it('seals what it stores when it is given a key', async () => {
    const key = randomBytes(32).toString('base64url');
    const files = await filesAfterDelivery({ CR3D_ENCRYPTION_KEY: key });
    expect(files).toMatch(/cw1r\.demo-[0-9a-f]{8}\./);
    for (const word of [HOLDER, REFERENCE, key]) expect(files).not.toContain(word);
  });

  it('takes a new key while the provider sends: nothing is lost, or left under the old one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
    const file = join(folder, 'demo.sqlite');
    const [oldKey, newKey] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
    const start = (key: string, port = {}) =>
      ExampleProcess.start('demo', { DATABASE_URL: file, CR3D_ENCRYPTION_KEY: key, ...port });
    const first = await start(oldKey);
    const url = `${first.url}/webhook/cr3dentials`;
    const portal = new Cr3dentialsSimulator({ url, secret: SECRET, retries: 200, initialDelay: 200, factor: 1 });
    const sent: PortalDelivery[] = [];
    const rotated = new AbortController();
    const sending = Array.from({ length: 4 }, async () => {
      while (!rotated.signal.aborted) sent.push(await portal.deliver(payload({ externalReferenceId: REFERENCE })));
    });
    await until('hundreds are acknowledged', () => sent.length > 200);
    await first.end('SIGTERM');
    const second = await start(`${newKey},${oldKey}`, { PORT: new URL(url).port });
    try {
      await until('all is sealed anew', () => /Resealing: done/.test(second.output));
      const before = sent.length;
      await until('it goes on taking deliveries', () => sent.length > before + 50);
      rotated.abort();
      await Promise.all(sending);
      expect(sent.filter(({ delivered }) => !delivered)).toEqual([]);
      const stats = await until('all are handled', async () => {
        const found = (await (await fetch(`${second.url}/inbox`)).json()) as Record<string, number>;
        return found.completed === sent.length ? found : undefined;
      });
      expect(stats).toMatchObject({ openRejections: 0, dead: 0, unreadable: { 'key-missing': 0, broken: 0 } });
    } finally {
      rotated.abort();
      await second.end('SIGTERM');
    }
    const files = await Promise.all([file, `${file}-wal`].map((name) => readFile(name, 'latin1').catch(() => '')));
    const text = files.join('\n');
    for (const word of [HOLDER, REFERENCE, oldKey, newKey]) expect(text).not.toContain(word);
    const third = await start(newKey);
    expect((await (await fetch(`${third.url}/inbox`)).json()) as object).toMatchObject({ completed: sent.length });
    await third.end('SIGTERM');
    expect(third.written).not.toMatch(/ERROR.*KEY/);
    await rm(folder, { recursive: true });
  }, 60_000);

  it('answers three questions about its health, and has metrics', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cr3d-'));
    const demo = await ExampleProcess.start('demo', { DATABASE_URL: join(folder, 'demo.sqlite') });
    try {
      for (const path of ['/health', '/health/live', '/health/ready']) {
        const answer = await fetch(demo.url + path);
        expect([path, answer.status]).toEqual([path, 200]);
        expect(await answer.json()).toMatchObject({ details: { 'cr3dentials-webhook': expect.any(Object) } });
      }
      const metrics = await fetch(`${demo.url}/metrics`);
      expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
      expect(await metrics.text()).toMatch(/^cr3dentials_webhook_inbox_oldest_due_seconds 0$/m);
    } finally {
      await demo.end('SIGKILL');
      await rm(folder, { recursive: true });
    }
  });

  it('control: the names are found without a key', async () => {
    const files = await filesAfterDelivery({ CR3D_ENCRYPTION_KEY: '' });
    for (const word of [HOLDER, REFERENCE]) expect(files).toContain(word);
  });
});
