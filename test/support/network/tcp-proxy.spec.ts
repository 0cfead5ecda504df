import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EchoClient, EchoServer } from './echo-server.js';
import { until } from '../time/until.js';
import { TcpProxy } from './tcp-proxy.js';

/** What is tested through the proxy means nothing unless it does what it says. */
describe('a TCP proxy', () => {
  let server: EchoServer;
  let proxy: TcpProxy;

  beforeEach(async () => {
    server = await EchoServer.start();
    proxy = await TcpProxy.to(server.url);
  });

  afterEach(async () => {
    await proxy.refuse();
    server.stop();
  });

  it('lets everything through, at an address that differs in nothing but the port', async () => {
    const listener = EchoClient.to(proxy.url);
    listener.send('hello');
    await until('it is answered', () => listener.received === 'HELLO');
    expect(new URL(proxy.url)).toMatchObject({ protocol: 'echo:', pathname: '/path', search: '?query' });
    expect(proxy.url).not.toBe(server.url);
  });

  it('holds back both directions while it stalls, of old and new connections, until it thaws', async () => {
    const old = EchoClient.to(proxy.url);
    old.send('old');
    await until('it is answered', () => old.received === 'OLD');
    proxy.stall();
    const young = EchoClient.to(proxy.url);
    old.send('er');
    young.send('young');
    await quiet();
    expect(server.received).toEqual(['old']);
    expect([old.isConnected, young.isConnected]).toEqual([true, true]);
    proxy.thaw();
    await until('both are answered', () => old.received === 'OLDER' && young.received === 'YOUNG');
  });

  it('delays both directions while it is slow, in their order, by latency and by length', async () => {
    const listener = EchoClient.to(proxy.url);
    proxy.slowDown({ latencyMs: 20, bytesPerSecond: 1_000 });
    const begun = performance.now();
    listener.send('x'.repeat(50));
    listener.send('yz');
    await until('it is answered', () => listener.received === `${'X'.repeat(50)}YZ`);
    expect(performance.now() - begun).toBeGreaterThan(2 * (20 + 50) - 5);
    proxy.thaw();
    listener.send('!');
    await until('that is answered too', () => listener.received.endsWith('YZ!'));
  });

  it('sends new connections elsewhere when it is redirected, and leaves those there are', async () => {
    const other = await EchoServer.start();
    const old = EchoClient.to(proxy.url);
    old.send('a');
    await until('it is answered', () => old.received === 'A');
    expect(proxy.connections).toBe(1);
    proxy.redirect(other.url);
    const young = EchoClient.to(proxy.url);
    young.send('b');
    old.send('c');
    await until('both are answered', () => young.received === 'B' && old.received === 'AC');
    expect([server.received.join(''), other.received.join('')]).toEqual(['ac', 'b']);
    expect(proxy.connections).toBe(2);
    other.stop();
  });

  it('lets what is asked through, and not what is answered, until it ends the connection', async () => {
    const listener = EchoClient.to(proxy.url);
    listener.send('a');
    await until('it is answered', () => listener.received === 'A');
    proxy.swallowAnswers();
    listener.send('b');
    await until('it is heard', () => server.received.join('') === 'ab');
    proxy.cut();
    await until('it is ended', () => !listener.isConnected);
    expect(listener.received).toBe('A');
    const next = EchoClient.to(proxy.url);
    next.send('c');
    await until('the next is answered', () => next.received === 'C');
  });

  it('refuses connections until it accepts them again, at the same address', async () => {
    const { url } = proxy;
    await proxy.refuse();
    const refused = EchoClient.to(url);
    await until('it is refused', () => !refused.isConnected);
    expect(refused.error).toBe('ECONNREFUSED');
    await proxy.accept();
    const next = EchoClient.to(url);
    next.send('z');
    await until('the next is answered', () => next.received === 'Z');
  });
});

/** Whatever was on its way through this process has arrived. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}
