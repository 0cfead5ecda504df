import { describe, expect, it } from '@jest/globals';
import { ReceivingLimit } from '../../../src/concurrency/receiving.limit.js';

describe('a queue limit', () => {
  it('lets as many in as it has places, and another once one has left', () => {
    const queue = new ReceivingLimit(2, 1_000);
    queue.enter(1);
    queue.enter(1);
    expect(() => queue.enter(1)).toThrow(/^2 POSTs wait .* or raise "receiving\.maxQueued"\.$/);
    queue.leave(1);
    expect(() => queue.enter(1)).not.toThrow();
  });

  it('lets as many bytes in as it has room for, and others once some have left', () => {
    const queue = new ReceivingLimit(10, 100);
    queue.enter(60);
    queue.enter(40);
    expect(() => queue.enter(1)).toThrow(/^POSTs of 100 bytes in all wait .* or raise "receiving\.maxQueuedBytes"\.$/);
    queue.leave(60);
    expect(() => queue.enter(60)).not.toThrow();
  });

  it('lets in whoever waits alone, whatever the size', () => {
    const queue = new ReceivingLimit(10, 100);
    queue.enter(1_000);
    queue.leave(1_000);
    expect(() => queue.enter(1_000)).not.toThrow();
    expect(() => queue.enter(0)).toThrow(/maxQueuedBytes/);
  });
});
