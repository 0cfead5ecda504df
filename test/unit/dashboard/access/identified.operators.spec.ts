import { describe, expect, it } from '@jest/globals';
import { IDENTIFY_TIMEOUT_MS, IdentifiedOperators } from '../../../../src/dashboard/access/identified.operators.js';
import type { HostRequest } from '../../../../src/dashboard/access/host.request.js';

const REQUEST = { method: 'GET', headers: {}, url: '/', params: {} } satisfies HostRequest;

describe('an identify() of the host', () => {
  const errors: string[] = [];
  let now = 1_000_000;
  const letIn = (identify: () => unknown, timeoutMs?: number) =>
    new IdentifiedOperators(
      identify as never,
      { now: () => now },
      { error: (line: string) => errors.push(line) },
      timeoutMs,
    );

  it('has ten seconds', () => {
    expect(IDENTIFY_TIMEOUT_MS).toBe(10_000);
  });

  it('lets nobody in when it hangs, and says so once a minute', async () => {
    errors.length = 0;
    const operators = letIn(() => new Promise(() => {}), 20);
    for (let times = 0; times < 2; times++)
      await expect(operators.authenticate(REQUEST)).rejects.toMatchObject({ status: 403 });
    const line = 'Nobody was let in: identify() did not answer within 20 ms. Look at what it waits for.';
    expect(errors).toEqual([line]);
    now += 60_000;
    await expect(operators.authenticate(REQUEST)).rejects.toMatchObject({ status: 403 });
    expect(errors).toEqual([line, line]);
  });

  it('lets in whom it names in time', async () => {
    errors.length = 0;
    const operators = letIn(async () => ({ id: 'alice', can: ['look'] }), 1_000);
    expect(await operators.authenticate(REQUEST)).toEqual({ id: 'alice', can: ['look'] });
    expect(errors).toEqual([]);
  });

  it.each([
    ['throws', () => fail()],
    [
      'rejects with an error like that of a timeout',
      () => Promise.reject(Object.assign(new Error(), { name: 'TimeoutError' })),
    ],
  ])('lets nobody in when it %s, and names the error', async (_, identify) => {
    errors.length = 0;
    await expect(letIn(identify).authenticate(REQUEST)).rejects.toMatchObject({ status: 403 });
    expect(errors).toEqual([
      expect.stringMatching(/^Nobody was let in: identify\(\) threw (RangeError|TimeoutError)\.$/),
    ]);
  });
});

function fail(): never {
  throw new RangeError('not to be told');
}
