import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Server } from 'node:net';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { SlowPost } from '../../support/http/slow-post.js';
import { until } from '../../support/time/until.js';
import { platforms } from '../../support/app/webhook-app.js';

const matrix = databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const));

describe.each(matrix)('an app that shuts down, on %s and %s', (kind, platform) => {
  const host = freshHost(kind);

  it('records a POST that is under way, and closes its keep-alive connection', async () => {
    const app = await host.start((builder) => builder.on(platform));
    const [before, meanwhile] = [payload(), payload()];
    expect((await app.post(before)).headers.connection).not.toBe('close');
    const post = await SlowPost.to(app.url, JSON.stringify(meanwhile));
    const arrival = once(app.nest.getHttpServer() as Server, 'request');
    post.sendUpTo('its body', 5);
    await arrival; // Fastify itself answers 503 to what begins later
    const stopping = host.stop(app);
    await until('nobody else can connect', () => isRefused(app.url));
    post.finish();
    await stopping;
    await until('the connection has ended', () => !post.isOpen);
    expect(post.answer).toMatch(/^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n[^]*\{"received":true\}$/i);
    const after = await host.start((builder) => builder.on(platform));
    expect(await after.inbox.find({ sessionId: String(meanwhile.sessionId) })).not.toBeNull();
  });
});

function isRefused(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });
}
