import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { DataKey } from '../../../src/encryption/data.key.js';
import type { KeyRepository, RegisteredKey } from '../../../src/encryption/key.repository.js';
import type { KeySource } from '../../../src/encryption/key.source.js';
import { LookupSecrets } from '../../../src/encryption/lookup.secrets.js';
import type { TaskRepository } from '../../../src/inbox/task.repository.js';
import { Gate } from '../../support/app/fresh-host.js';

/** The table of keys. Whoever lists it waits at a gate. */
class TableOfKeys {
  readonly gate = new Gate();
  rows: RegisteredKey[] = [];

  async list(tenant: string): Promise<RegisteredKey[]> {
    await this.gate.pass();
    return this.rows.filter((row) => row.tenant === tenant);
  }

  add(row: RegisteredKey): Promise<void> {
    this.rows.push(row);
    return Promise.resolve();
  }

  delete(tenant: string): Promise<void> {
    this.rows = this.rows.filter((row) => row.tenant !== tenant);
    return Promise.resolve();
  }
}

describe('the secrets of lookups', () => {
  const key = DataKey.from({ id: 'k-1', value: randomBytes(32) });

  function secrets(table: TableOfKeys): LookupSecrets {
    const tasks = {
      take: () => Promise.resolve({ name: 'keys', owner: 'me', progress: null }),
      release: () => Promise.resolve(),
    };
    const keys = { hasTenants: true, current: () => key, find: () => key };
    return new LookupSecrets(
      table as unknown as KeyRepository,
      tasks as unknown as TaskRepository,
      keys as unknown as KeySource,
      { now: () => 0 },
    );
  }

  it('are not kept if the keys of their tenant are destroyed while they are being opened', async () => {
    const table = new TableOfKeys();
    const lookups = secrets(table);
    const loading = Promise.resolve(lookups.load('acme')).catch((error: { code?: string }) => error.code);
    await lookups.forget('acme');
    table.gate.open();
    expect(await loading).toBe('KEYS_UNAVAILABLE');
    expect(lookups.hash('acme', 'reference', 'r')).toBeUndefined();
    await lookups.load('acme'); // a tenant that comes back
    expect(lookups.hash('acme', 'reference', 'r')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('are not kept by a search either', async () => {
    const table = new TableOfKeys();
    const before = new TableOfKeys();
    before.gate.open();
    await secrets(before).load('acme');
    table.rows = [...before.rows];
    const lookups = secrets(table);
    const opening = lookups.open('acme');
    const listed = table.rows;
    await lookups.forget('acme');
    table.rows = listed; // the query had begun before
    table.gate.open();
    await opening;
    expect(lookups.isOpen('acme')).toBe(false);
    await lookups.open('acme');
    expect(lookups.isOpen('acme')).toBe(true);
  });

  it('are opened once for all that wait, and are the same in every instance', async () => {
    const table = new TableOfKeys();
    table.gate.open();
    const [one, other] = [secrets(table), secrets(table)];
    await Promise.all([one.load('acme'), one.load('acme')]);
    await other.load('acme');
    expect(table.rows).toHaveLength(1);
    expect(other.hash('acme', 'fingerprint', 'f')).toBe(one.hash('acme', 'fingerprint', 'f'));
    expect(one.load('acme')).toBeUndefined();
  });
});
