import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import { openDatabase } from '../../../src/database/database.connection.factory.js';
import { statementTimeouts } from '../../../src/database/lanes.js';
import { cr3dentialsWebhookEntities } from '../../../src/inbox/entities.js';
import { createTables } from '../engine/tables.js';
import type { SimulatedProcess } from '../world/process.js';
import type { World } from '../world/world.js';
import type { DatabaseUnderTest } from './database-under-test.js';
import { GuardedHandle } from './guarded-handle.js';

const IN_MEMORY = '/dev/shm';

/** A file of SQLite that several processes have open. A statement runs at once, or fails at once. */
export class FileDatabase implements DatabaseUnderTest {
  readonly isExact = true;
  readonly hasClock = false;
  readonly #handles = new Map<GuardedHandle, SimulatedProcess>();
  /** Whoever opens the file now. */
  #opening: { world: World; process: SimulatedProcess } | undefined;

  private constructor(
    private readonly folder: string,
    private readonly admin: DataSource,
    private readonly hosts: DataSource[],
  ) {}

  static async open(slots: number): Promise<FileDatabase> {
    const folder = mkdtempSync(join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), 'simulation-'));
    const options = { type: 'better-sqlite3', database: join(folder, 'inbox.sqlite'), enableWAL: true } as const;
    const admin = await createTables(options);
    const file = new FileDatabase(folder, admin, []);
    for (let slot = 0; slot < slots; slot++) {
      const driver = file.#driver();
      const host = new DataSource({ ...options, entities: [...cr3dentialsWebhookEntities], timeout: 0, driver });
      file.hosts.push(await host.initialize());
    }
    return file;
  }

  get heldTransactions(): number {
    return [...this.#handles].filter(([handle, process]) => process.isAlive && handle.inTransaction).length;
  }

  async connect(world: World, process: SimulatedProcess, slot: number): Promise<DatabaseConnection> {
    const host = this.hosts[slot];
    if (!host) throw new Error(`There is no slot ${slot}.`);
    const { receiving, processing } = world.settings;
    host.subscribers.length = 0; // of the processes before
    this.#opening = { world, process };
    try {
      return await openDatabase({
        host,
        entities: [...cr3dentialsWebhookEntities],
        connections: 1,
        listenNotify: false,
        timeouts: statementTimeouts(receiving.ackTimeout, processing.lease),
      });
    } finally {
      this.#opening = undefined;
    }
  }

  bury(_: World, process: SimulatedProcess): boolean {
    for (const [handle, owner] of this.#handles) if (owner === process) this.#close(handle);
    return false;
  }

  dropAll(): void {} // its statements fail until it is there again

  read(text: string): Promise<Record<string, unknown>[]> {
    return this.admin.query(text);
  }

  async reset(): Promise<void> {
    for (const handle of this.#handles.keys()) this.#close(handle);
    for (const { tablePath } of this.admin.entityMetadatas) await this.admin.query(`DELETE FROM "${tablePath}"`);
    await this.admin.query('DELETE FROM effect');
  }

  async close(): Promise<void> {
    await this.reset();
    for (const host of this.hosts) await host.destroy();
    await this.admin.destroy();
    rmSync(this.folder, { recursive: true });
  }

  #close(handle: GuardedHandle): void {
    this.#handles.delete(handle);
    handle.close();
  }

  /** Returns the driver of a host. What a process opens with it dies with the process. */
  #driver(): unknown {
    const register = (handle: GuardedHandle) => {
      if (this.#opening) this.#handles.set(handle, this.#opening.process);
    };
    const opening = () => this.#opening;
    return class extends GuardedHandle {
      constructor(path: string, options: object) {
        super(path, options, opening());
        register(this);
      }
    };
  }
}
