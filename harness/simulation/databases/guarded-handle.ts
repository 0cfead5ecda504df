import { createRequire } from 'node:module';
import type { SqliteDatabase, SqliteStatement } from '../engine/sqlite.js';
import type { Fault } from '../world/faults.js';
import type { SimulatedProcess } from '../world/process.js';
import type { World } from '../world/world.js';

type Database = SqliteDatabase & { close(): void };

const RealDatabase = createRequire(import.meta.url)('better-sqlite3') as new (
  path: string,
  options: object,
) => Database;

/** A handle of better-sqlite3, whose statements may fail, and do nothing once their process is dead. */
export class GuardedHandle implements SqliteDatabase {
  readonly #real: Database;

  /** @param user undefined: nothing happens to it */
  constructor(
    path: string,
    options: object,
    private readonly user?: { readonly world: World; readonly process: SimulatedProcess },
  ) {
    this.#real = new RealDatabase(path, options);
  }

  get inTransaction(): boolean {
    return this.#real.inTransaction;
  }

  prepare(text: string): SqliteStatement {
    const statement = this.#real.prepare(text);
    return {
      reader: statement.reader,
      readonly: statement.readonly,
      all: (...parameters) => this.#guard(text, () => statement.all(...parameters)),
      get: (...parameters) => this.#guard(text, () => statement.get(...parameters)),
      run: (...parameters) => this.#guard(text, () => statement.run(...parameters)),
      raw: () => statement.raw(),
    };
  }

  exec(text: string): unknown {
    return this.#guard(text, () => this.#real.exec(text));
  }

  pragma(text: string): unknown {
    return this.#real.pragma(text);
  }

  function(name: string, options: object, implementation: (...args: unknown[]) => unknown): unknown {
    return this.#real.function(name, options, implementation);
  }

  close(): void {
    this.#real.close();
  }

  #guard<T>(text: string, run: () => T): T {
    if (!this.user) return run();
    const { world, process } = this.user;
    if (!process.isAlive) throw failure('SQLITE_MISUSE', 'the process is dead');
    const isEnd = /^(COMMIT|ROLLBACK)/.test(text); // a rollback does not fail, and a failed commit is tried by a fault
    if (world.isDown && !isEnd) throw failure('SQLITE_BUSY', 'database is locked');
    const fault = text.startsWith('ROLLBACK') ? undefined : world.faults.atStatement(process, text);
    this.#before(fault);
    const result = run();
    if (world.isTraced) world.trace(`${text} -> ${JSON.stringify(result)}`, process);
    if (fault === 'freeze') world.freeze(process);
    if (fault === 'die-after') world.kill(process);
    return result;
  }

  #before(fault: Fault | undefined): void {
    switch (fault) {
      case 'die-before':
        this.user?.world.kill(this.user.process);
        throw failure('SQLITE_MISUSE', 'the process is dead');
      case 'refused':
      case 'deadlock':
        throw failure('SQLITE_BUSY', 'database is locked');
      case 'silent-before':
      case 'silent-after':
      case 'answer-lost':
        throw failure('SQLITE_FULL', 'database or disk is full');
      default:
    }
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
