import { describe, expect, it, jest } from '@jest/globals';
import { Registry } from 'prom-client';
import type { TelemetrySource } from '../../../src/instrumentation/telemetry.js';
import { PromInstruments } from '../../../src/prom-client/prom.instruments.js';

const now = () => ({ waiting: 0, maxWaiting: 1, active: 0, concurrency: 1, clockOffset: 0, isDurable: true });

describe('a scrape', () => {
  it('reads once for all metrics, and anew the next time', async () => {
    const source = {
      now: jest.fn(now),
      secrets: () => [],
      queues: () => [],
      inbox: jest.fn(() => Promise.reject(new Error('down'))),
    };
    const registry = new Registry();
    const instruments = new PromInstruments(registry, source as unknown as TelemetrySource);
    for (const times of [1, 2]) {
      expect(await registry.metrics()).toContain('\ncr3dentials_webhook_inbox_readable 0\n');
      expect([source.now, source.inbox].map((read) => read.mock.calls.length)).toEqual([times, times]);
    }
    instruments.remove();
    expect(await registry.metrics()).toBe('\n');
  });
});
