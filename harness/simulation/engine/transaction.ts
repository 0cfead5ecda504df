import type { RowImage, Store, TouchedRow } from './store.js';

interface Savepoint {
  readonly name: string;
  readonly writes: ReadonlyMap<string, { row: TouchedRow; image: RowImage }>;
}

/** Rows that a transaction has written and not committed. */
export class Transaction {
  /** True once a statement has failed: the server refuses all but the end, as PostgreSQL does. */
  isAborted = false;
  /** Given when it is asked for. */
  id?: number;
  readonly #locks = new Set<string>();
  #writes = new Map<string, { row: TouchedRow; image: RowImage }>();
  #savepoints: Savepoint[] = [];

  get locks(): ReadonlySet<string> {
    return this.#locks;
  }

  lock(name: string): void {
    this.#locks.add(name);
  }

  write(row: TouchedRow, image: RowImage): void {
    const [key = ''] = row.locks;
    this.#writes.set(key, { row, image });
    for (const lock of row.locks) this.#locks.add(lock);
  }

  /** Writes everything into the store. */
  applyTo(store: Store): void {
    for (const { row, image } of this.#writes.values()) store.apply(row, image);
  }

  save(name: string): void {
    this.#savepoints.push({ name, writes: new Map(this.#writes) });
  }

  /** Returns false if there is no such savepoint. */
  release(name: string): boolean {
    const index = this.#indexOf(name);
    if (index >= 0) this.#savepoints.length = index;
    return index >= 0;
  }

  /** Goes back to a savepoint, which stays. Locks stay too. Returns false if there is no such savepoint. */
  goBackTo(name: string): boolean {
    const index = this.#indexOf(name);
    const savepoint = this.#savepoints[index];
    if (!savepoint) return false;
    this.#savepoints.length = index + 1;
    this.#writes = new Map(savepoint.writes);
    this.isAborted = false;
    return true;
  }

  #indexOf(name: string): number {
    return this.#savepoints.findLastIndex((savepoint) => savepoint.name === name);
  }
}
