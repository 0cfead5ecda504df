import { describe, expect, it } from '@jest/globals';
import { Controller, Post } from '@nestjs/common';
import { once } from 'node:events';
import { connect, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { databases } from '../../support/database/databases.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
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

describe.each(platforms)('an app that shuts down while POSTs are being sent, on %s', (platform) => {
  const host = freshHost('sqlite');

  it.each([
    ['its body', 'HTTP/1.1 503'],
    ['its headers', ''],
  ] as const)('ends soon after drainTimeout, with senders in the middle of %s', async (part, answer) => {
    const app = await host.start((builder) => builder.on(platform).withOptions({ processing: { drainTimeout: 500 } }));
    const senders = await Promise.all(
      Array.from({ length: 20 }, () => SlowPost.to(app.url, JSON.stringify(payload()))),
    );
    for (const sender of senders) sender.sendUpTo(part, 5);
    await until('all are connected', () => connectionsOf(app.nest.getHttpServer() as Server) === 20);
    const start = performance.now();
    await host.stop(app);
    expect(performance.now() - start).toBeLessThan(4_000);
    await until('all connections have ended', () => senders.every(({ isOpen }) => !isOpen));
    expect(senders.map((sender) => sender.answer.slice(0, 12))).toEqual(senders.map(() => answer));
  });

  it('closes those that begin after drainTimeout too', async () => {
    const gate = new Gate();
    const slow = { provide: 'SLOW', useValue: { beforeApplicationShutdown: () => gate.pass() } };
    const app = await host.start((builder) =>
      builder
        .on(platform)
        .withHandlers(slow)
        .withOptions({ processing: { drainTimeout: 0 } }),
    );
    const stopping = host.stop(app);
    await until('the drain is over', () => gate.arrivals > 0);
    const post = await SlowPost.to(app.url, JSON.stringify(payload()));
    post.sendUpTo('its body', 5);
    await until('its connection has ended', () => !post.isOpen, 4_000);
    expect(post.answer).toMatch(/^HTTP\/1\.1 503 /);
    gate.open();
    await stopping;
  });

  it('leaves a POST to another route of the host to it', async () => {
    const app = await host.start((builder) =>
      builder
        .on(platform)
        .withControllers(Others)
        .withOptions({ processing: { drainTimeout: 100 } }),
    );
    const post = await SlowPost.to(app.url, JSON.stringify(payload()), '/others');
    const arrival = once(app.nest.getHttpServer() as Server, 'request');
    post.sendUpTo('its body', 5);
    await arrival;
    const stopping = host.stop(app);
    await until('nobody else can connect', () => isRefused(app.url));
    await sleep(1_500);
    expect(post.isOpen).toBe(true);
    post.finish();
    await until('it is answered', () => post.answer !== '');
    post.leave(); // the host keeps its connections alive
    await stopping;
    expect(post.answer).toMatch(/^HTTP\/1\.1 201 /);
  });
});

@Controller('others')
class Others {
  @Post()
  receive(): string {
    return 'received';
  }
}

function connectionsOf(server: Server): number {
  return (server as unknown as { _connections: number })._connections;
}

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
