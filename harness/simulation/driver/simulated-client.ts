import { EventEmitter } from 'node:events';
import type { Ending, Session, StatementResult } from '../engine/engine.js';
import type { Network } from './network.js';

/** A statement on its way to the server, or its turn to come. */
export interface SentStatement {
  readonly text: string;
  readonly parameters: readonly unknown[];
  readonly resolve: (result: StatementResult) => void;
  readonly reject: (error: Error) => void;
}

type Callback = (error?: Error) => void;

/** A connection as the driver of PostgreSQL has it, for its own pool. It sends one statement at a time, in order. */
export class SimulatedClient extends EventEmitter {
  /** The pool reads these two. */
  _queryable = true;
  _ending = false;
  session: Session | undefined;
  /** True once nothing arrives on either side any more, and neither side knows. */
  isSilent = false;
  #active: SentStatement | undefined;
  #queue: SentStatement[] = [];
  #onConnect: Callback | undefined;

  constructor(
    private readonly network: Network,
    readonly lockTimeout: number,
  ) {
    super();
  }

  /** Number of the session. */
  get processID(): number {
    return this.session?.id ?? 0;
  }

  connect(callback: Callback): void {
    this.#onConnect = callback;
    this.network.connect(this);
  }

  /** Hears whether it is connected. */
  connected(error?: Error): void {
    const callback = this.#onConnect;
    this.#onConnect = undefined;
    callback?.(error);
  }

  isConnected(): boolean {
    return this.session !== undefined;
  }

  ref(): void {}

  unref(): void {}

  end(callback?: Callback): void {
    this._ending = true;
    this.#rejectAll();
    this.network.disconnect(this);
    if (callback) queueMicrotask(callback);
  }

  query(text: string, parameters: readonly unknown[] = []): Promise<StatementResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ text, parameters, resolve, reject });
      this.#sendNext();
    });
  }

  /** Ends a statement, and sends the next. */
  answer(ending: Ending): void {
    const statement = this.#active;
    if (!statement) return; // the connection was lost meanwhile
    this.#active = undefined;
    if ('error' in ending) statement.reject(ending.error);
    else statement.resolve(ending.result);
    this.#sendNext();
  }

  /** Hears that the connection has gone. */
  lose(): void {
    if (!this._queryable) return;
    this._queryable = false;
    this.#rejectAll();
    if (this.#onConnect) return this.connected(connectionLost());
    if (!this._ending) this.emit('error', connectionLost());
  }

  #sendNext(): void {
    if (this.#active) return;
    this.#active = this.#queue.shift();
    if (!this.#active) return;
    if (this._queryable && !this._ending) this.network.send(this, this.#active);
    else this.#rejectAll();
  }

  #rejectAll(): void {
    const statements = this.#active ? [this.#active, ...this.#queue] : this.#queue;
    this.#active = undefined;
    this.#queue = [];
    for (const { reject } of statements) reject(connectionLost());
  }
}

export function connectionLost(): Error {
  return Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
}
