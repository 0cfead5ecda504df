import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { DeliverySender, type DeliverySenderOptions } from '../../../src/cli/delivery.sender.js';
import type { Planned } from '../../../src/cli/plan.js';
import { until } from '../../support/time/until.js';
import { Endpoint } from '../../testing/endpoint.js';

const endpoint = new Endpoint();
afterEach(() => endpoint.close());

const planned = (count: number): Planned[] =>
  Array.from({ length: count }, (_, index) => ({ sessionId: `s${index}`, body: `{"s":${index}}` }));

function sender(
  url: string,
  options: Partial<DeliverySenderOptions> & { retries?: number; initialDelay?: number; timeout?: number } = {},
) {
  const { retries = 0, initialDelay = 1, timeout, ...rest } = options;
  return new DeliverySender({
    endpoint: { url, retries, initialDelay, timeout },
    concurrency: 4,
    rate: undefined,
    ...rest,
  });
}

describe('a sender', () => {
  it('has no more requests under way than connections, and uses all of them', async () => {
    const waiting: ServerResponse[] = [];
    let most = 0;
    const url = await endpoint.open((_, response) => {
      waiting.push(response);
      most = Math.max(most, waiting.length);
    });
    let asked = 0;
    function* oneByOne(): Generator<Planned> {
      for (const one of planned(12)) {
        asked++;
        yield one;
      }
    }
    const run = sender(url, { concurrency: 3 });
    const end = run.run(oneByOne(), () => {});
    for (let done = 0; done < 12; done++) {
      await until('all connections are in use', () => waiting.length === Math.min(3, 12 - done));
      expect(asked).toBeLessThanOrEqual(done + 4); // the plan is asked for no more than can be begun
      waiting.shift()?.end();
    }
    await end;
    expect([most, run.counter.deliveries]).toEqual([3, 12]);
  });

  it('gives up an answer that does not end', async () => {
    const url = await endpoint.open((_, response) => response.writeHead(200).write('{'));
    const run = sender(url, { timeout: 300 });
    await run.run(planned(1), () => {});
    expect(run.counter.summary()).toMatchObject({ failed: 1, errors: { 'no answer within 300 ms': 1 } });
  });

  it('keeps its connections', async () => {
    const sockets = new Set<unknown>();
    const url = await endpoint.open((request, response) => {
      sockets.add(request.socket);
      response.end();
    });
    await sender(url, { concurrency: 2 }).run(planned(50), () => {});
    expect(endpoint.paths).toHaveLength(50);
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it('makes other deliveries while one waits for its retry', async () => {
    const url = await endpoint.open((_, response) => response.writeHead(endpoint.paths.length === 1 ? 500 : 200).end());
    const run = sender(url, { concurrency: 1, retries: 1, initialDelay: 300 });
    const begun = performance.now();
    let endsBeforeRetry = 0;
    await run.run(planned(20), () => {
      if (performance.now() - begun < 290) endsBeforeRetry++;
    });
    expect(endsBeforeRetry).toBeGreaterThan(0);
    expect(run.counter.summary()).toMatchObject({ delivered: 20, retries: 1, statusCodes: { 200: 20, 500: 1 } });
  });

  it('makes a conflict once what it contradicts has come to its end, even on one connection', async () => {
    const bodies: string[] = [];
    const url = await endpoint.open((request, response) => {
      request.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
      request.on('end', () => response.writeHead(bodies.length === 1 ? 500 : 200).end());
    });
    const [first = { sessionId: '', body: '' }, third] = planned(2);
    const conflict = { sessionId: first.sessionId, body: '{"conflict":0}', after: first };
    const all = third ? [first, conflict, third] : [];
    await sender(url, { concurrency: 1, retries: 1, initialDelay: 50 }).run(all, () => {});
    expect(bodies).toEqual(['{"s":0}', '{"s":1}', '{"s":0}', '{"conflict":0}']);
  });

  it('begins no more deliveries per second than it is told', async () => {
    const url = await endpoint.open((_, response) => response.end());
    const begun = performance.now();
    await sender(url, { rate: 50 }).run(planned(11), () => {});
    expect(performance.now() - begun).toBeGreaterThanOrEqual(195);
  });
});
