import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Listener, ShoutingServer } from '../shouting-server.js';
import { until } from '../time/until.js';
import { TcpProxy } from './tcp-proxy.js';

/** What is tested through the proxy means nothing unless it does what it says. */
describe('a TCP proxy', () => {
  let server: ShoutingServer;
  let proxy: TcpProxy;

  beforeEach(async () => {
    server = await ShoutingServer.start();
    proxy = await TcpProxy.to(server.url);
  });

  afterEach(async () => {
    await proxy.refuse();
    server.stop();
  });

  it('lets everything through, at an address that differs in nothing but the port', async () => {
    const listener = Listener.to(proxy.url);
    listener.say('hello');
    await until('it is answered', () => listener.heard === 'HELLO');
    expect(new URL(proxy.url)).toMatchObject({ protocol: 'shout:', pathname: '/path', search: '?query' });
    expect(proxy.url).not.toBe(server.url);
  });

  it('holds back both directions while it stalls, of old and new connections, until it thaws', async () => {
    const old = Listener.to(proxy.url);
    old.say('old');
    await until('it is answered', () => old.heard === 'OLD');
    proxy.stall();
    const young = Listener.to(proxy.url);
    old.say('er');
    young.say('young');
    await quiet();
    expect(server.heard).toEqual(['old']);
    expect([old.isConnected, young.isConnected]).toEqual([true, true]);
    proxy.thaw();
    await until('both are answered', () => old.heard === 'OLDER' && young.heard === 'YOUNG');
  });

  it('delays both directions while it is slow, in their order, by latency and by length', async () => {
    const listener = Listener.to(proxy.url);
    proxy.slowDown({ latency: 20, bytesPerSecond: 1_000 });
    const begun = performance.now();
    listener.say('x'.repeat(50));
    listener.say('yz');
    await until('it is answered', () => listener.heard === `${'X'.repeat(50)}YZ`);
    expect(performance.now() - begun).toBeGreaterThan(2 * (20 + 50) - 5);
    proxy.thaw();
    listener.say('!');
    await until('that is answered too', () => listener.heard.endsWith('YZ!'));
  });

  it('lets what is asked through, and not what is answered, until it ends the connection', async () => {
    const listener = Listener.to(proxy.url);
    listener.say('a');
    await until('it is answered', () => listener.heard === 'A');
    proxy.swallowAnswers();
    listener.say('b');
    await until('it is heard', () => server.heard.join('') === 'ab');
    proxy.cut();
    await until('it is ended', () => !listener.isConnected);
    expect(listener.heard).toBe('A');
    const next = Listener.to(proxy.url);
    next.say('c');
    await until('the next is answered', () => next.heard === 'C');
  });

  it('refuses connections until it accepts them again, at the same address', async () => {
    const { url } = proxy;
    await proxy.refuse();
    const refused = Listener.to(url);
    await until('it is refused', () => !refused.isConnected);
    expect(refused.error).toBe('ECONNREFUSED');
    await proxy.accept();
    const next = Listener.to(url);
    next.say('z');
    await until('the next is answered', () => next.heard === 'Z');
  });
});

/** Whatever was on its way through this process has arrived. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}
