import { afterEach, describe, expect, it } from '@jest/globals';
import { Cr3dentialsSimulator } from 'nestjs-cr3dentials-webhook/testing';
import { Endpoint } from './endpoint.js';

const endpoint = new Endpoint();
afterEach(() => endpoint.close());

describe('the simulator over real connections', () => {
  it('follows no redirect: a redirect is a failed attempt', async () => {
    const url = await endpoint.open((_, response) => response.writeHead(302, { location: '/elsewhere' }).end());
    const { delivered, attempts } = await new Cr3dentialsSimulator({ url, retries: 0 }).deliver({});
    expect([delivered, attempts[0]?.statusCode]).toEqual([false, 302]);
    expect(endpoint.paths).toEqual(['/webhook']);
  });

  it('gives up an answer that does not come, and closes its connection', async () => {
    const closed: Promise<void>[] = [];
    const url = await endpoint.open((request) => {
      closed.push(new Promise((resolve) => request.socket.once('close', () => resolve())));
    });
    const { attempts } = await new Cr3dentialsSimulator({ url, retries: 0, timeout: 400 }).deliver({});
    expect(attempts).toEqual([
      { at: expect.any(Number), statusCode: null, error: 'no answer within 400 ms', duration: expect.any(Number) },
    ]);
    expect(attempts[0]?.duration).toBeGreaterThanOrEqual(399);
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
  });

  it('gives up an answer that does not end', async () => {
    const url = await endpoint.open((_, response) => response.writeHead(200).write('{'));
    const { attempts } = await new Cr3dentialsSimulator({ url, retries: 0, timeout: 400 }).deliver({});
    expect(attempts).toMatchObject([{ statusCode: null, error: 'no answer within 400 ms' }]);
  });

  it('names the reason when nobody listens, and when the connection is reset', async () => {
    const url = await endpoint.open((request) => request.socket.resetAndDestroy());
    const reset = await new Cr3dentialsSimulator({ url, retries: 0 }).deliver({});
    await endpoint.close();
    const refused = await new Cr3dentialsSimulator({ url, retries: 0 }).deliver({});
    expect([reset, refused].map(({ attempts }) => attempts[0]?.error)).toEqual(['ECONNRESET', 'ECONNREFUSED']);
  });

  it('waits for the machine when no clock is given', async () => {
    const url = await endpoint.open((_, response) => response.writeHead(endpoint.paths.length < 3 ? 500 : 200).end());
    const { delivered, attempts } = await new Cr3dentialsSimulator({ url, initialDelay: 20 }).deliver({});
    expect([delivered, attempts.length]).toEqual([true, 3]);
    const [first = 0, second = 0, third = 0] = attempts.map(({ at }) => at);
    expect(second - first).toBeGreaterThanOrEqual(19);
    expect(third - second).toBeGreaterThanOrEqual(39);
    expect(Math.abs(Date.now() - first)).toBeLessThan(10_000);
  });
});
