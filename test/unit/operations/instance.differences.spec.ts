import { describe, expect, it } from '@jest/globals';
import type { Instance } from 'nestjs-cr3dentials-webhook';
import { differencesOf } from '../../../src/operations/instance.differences.js';

const HOUR = 3_600_000;

function instance(pid: number, more: Partial<Instance> = {}): Instance {
  const handlers = [{ id: 'ledger.book', statuses: [], isTransactional: false }];
  return {
    id: String(pid),
    state: 'live',
    host: 'web',
    pid,
    version: '1.0.0',
    appVersion: null,
    startedAt: 0,
    receives: true,
    processes: true,
    heardAt: HOUR,
    stoppedAt: null,
    inFlight: 0,
    concurrency: 20,
    clockOffset: 0,
    isDurable: true,
    handlers,
    secrets: ['2026'],
    secretExpiries: [null],
    settings: {},
    ...more,
  } as Instance;
}

describe('what live instances have not in common', () => {
  it('is nothing where they are alike', () => {
    expect(differencesOf([instance(1), instance(2)], HOUR)).toEqual([]);
  });

  it('is the version, a handler, a secret', () => {
    const other = instance(2, { version: '1.1.0', handlers: [], secrets: [] });
    expect(differencesOf([instance(1), other], HOUR)).toEqual([
      'Instances have the versions 1.0.0, 1.1.0.',
      'web:2 does not have the handler "ledger.book".',
      'web:2 does not have the secret "2026".',
    ]);
  });

  it('is nothing of those that only receive, or only process', () => {
    const receiver = instance(1, { processes: false, handlers: [] });
    const worker = instance(2, { receives: false, secrets: [] });
    expect(differencesOf([receiver, worker], HOUR)).toEqual([]);
  });

  it('is nothing during a deployment, and of those that are gone', () => {
    const fresh = instance(2, { startedAt: HOUR - 1_000, version: '1.1.0' });
    const lost = instance(3, { state: 'lost', version: '0.9.0' });
    expect(differencesOf([instance(1), fresh, lost], HOUR)).toEqual([]);
  });
});
