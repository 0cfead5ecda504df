import { describe, expect, it } from '@jest/globals';
import { TimeoutError, withTimeout } from '../../../src/concurrency/with-timeout.js';

const never = new Promise<never>(() => {});

describe('a promise with a timeout', () => {
  it('resolves as it does', async () => {
    await expect(withTimeout(Promise.resolve('done'), 1_000)).resolves.toBe('done');
  });

  it('rejects as it does', async () => {
    const reason = new Error('broken');
    await expect(withTimeout(Promise.reject(reason), 1_000)).rejects.toBe(reason);
  });

  it('rejects with a TimeoutError that names the time, once it has passed', async () => {
    const error: unknown = await withTimeout(never, 5).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(TimeoutError);
    expect(String(error)).toBe('TimeoutError: Timed out after 5 ms.');
  });

  it('rejects with the caller’s own error', async () => {
    const own = new Error('no answer');
    await expect(withTimeout(never, 5, () => own)).rejects.toBe(own);
  });

  it('makes no error when it has come in time', async () => {
    let made = 0;
    const makeError = () => new Error(`error ${++made}`);
    await withTimeout(Promise.resolve(), 5, makeError);
    await new Promise((resolve) => setTimeout(resolve, 20));

    expect(made).toBe(0);
  });
});
