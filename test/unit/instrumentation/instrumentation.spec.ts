import { describe, expect, it } from '@jest/globals';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { channelOf, OccurrenceChannels, attemptChannel } from '../../../src/instrumentation/occurrence.channels.js';
import { plainOccurrences } from '../../../src/instrumentation/occurrence.names.js';

const settled = channelOf('settled');

describe('the channels', () => {
  it('have the documented names', () => {
    expect(plainOccurrences.map((name) => channelOf(name).name)).toEqual(
      plainOccurrences.map((name) => `cr3dentials-webhook:${name}`),
    );
    expect(attemptChannel().asyncEnd.name).toBe('tracing:cr3dentials-webhook.attempt:asyncEnd');
    expect(channelOf('attempt')).toBe(attemptChannel().asyncEnd);
  });
});

describe('signals', () => {
  it('are heard while somebody listens', () => {
    const instrumentation = new Instrumentation();
    let isListening = false;
    const end = instrumentation.subscribe(
      'stopped',
      () => {},
      () => isListening,
    );
    expect(instrumentation.hasSubscribers('stopped')).toBe(false);
    isListening = true;
    expect(instrumentation.hasSubscribers('stopped')).toBe(true);
    end();
    expect(instrumentation.hasSubscribers('stopped')).toBe(false);
  });

  it('reach the others when one subscriber throws, which is announced', () => {
    const instrumentation = new Instrumentation();
    const heard: unknown[] = [];
    instrumentation.subscribe('stopped', () => {
      throw new TypeError('a subscriber');
    });
    instrumentation.subscribe('stopped', () => heard.push('stopped'));
    instrumentation.subscribe('subscriber-failed', (failure) => heard.push(failure));
    instrumentation.announce('stopped', {});
    expect(heard).toEqual([{ occurrence: 'stopped', error: 'TypeError' }, 'stopped']);
  });
});

describe('diagnostics channels', () => {
  it('are heard only while they have subscribers, and no message is made before', () => {
    const instrumentation = new Instrumentation();
    expect(new OccurrenceChannels(instrumentation, 'me')).toBeDefined();
    expect(plainOccurrences.filter((name) => instrumentation.hasSubscribers(name))).toEqual([]);
    const costly = {
      get deliveryId(): string {
        throw new Error('Nobody has asked.');
      },
    };
    const heard: unknown[] = [];
    instrumentation.subscribe('subscriber-failed', (failure) => heard.push(failure));
    instrumentation.announce('settled', costly as never);
    expect(heard).toEqual([]);
    const hear = (message: unknown): void => void heard.push(message);
    settled.subscribe(hear);
    expect(instrumentation.hasSubscribers('settled')).toBe(true);
    instrumentation.announce('settled', costly as never);
    instrumentation.announce('settled', { deliveryId: 'a', state: 'completed' } as never);
    settled.unsubscribe(hear);
    expect(heard).toEqual([
      { occurrence: 'settled', error: 'Error' },
      { instance: 'me', deliveryId: 'a', state: 'completed' },
    ]);
  });
});
