import { describe, expect, it } from '@jest/globals';
import { Cancellation } from '../../../src/concurrency/cancellation.js';
import { Gate } from '../../support/app/fresh-host.js';
import { Semaphore } from '../../../src/concurrency/semaphore.js';

describe('a semaphore', () => {
  it('runs waiting tasks in the order of their arrival, without those that were cancelled', async () => {
    const semaphore = new Semaphore(1);
    const begun: string[] = [];
    const gate = new Gate();
    const first = semaphore.run(() => gate.pass());
    const cancellation = new Cancellation();
    const cancelled = semaphore.run(() => Promise.resolve(begun.push('cancelled')), cancellation);
    const others = ['a', 'b', 'c'].map((name) => semaphore.run(() => Promise.resolve(begun.push(name))));
    cancellation.cancel('too late');
    await expect(cancelled).rejects.toBe('too late');
    gate.open();
    await Promise.all([first, ...others]);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('gives its place to the next when a task fails', async () => {
    const semaphore = new Semaphore(1);
    const failing = semaphore.run(() => Promise.reject(new Error('no')));
    const next = semaphore.run(() => Promise.resolve('next'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('next');
  });

  it('does not end a task that has begun', async () => {
    const semaphore = new Semaphore(1);
    const cancellation = new Cancellation();
    const task = semaphore.run(() => Promise.resolve('done'), cancellation);
    cancellation.cancel('too late');
    expect(await task).toBe('done');
  });
});
