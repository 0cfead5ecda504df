import { StatementError, type Ending, type Session } from './engine.js';
import type { SimulatedServer } from './simulated-server.js';
import { Transaction } from './transaction.js';

const CONTROL =
  /^\s*(START TRANSACTION|BEGIN|COMMIT|ROLLBACK TO SAVEPOINT|ROLLBACK|RELEASE SAVEPOINT|SAVEPOINT|SET)\b\s*(\w+)?/i;
const TERMINATE = /pg_terminate_backend/;
const IDENTIFY = /pg_backend_pid/;

/** A session of the simulated server. */
export class SimulatedSession implements Session {
  isOpen = true;
  transaction: Transaction | undefined;
  /** Session whose lock its statement waits for. */
  waitsFor: SimulatedSession | undefined;
  onClose?: () => void;

  constructor(
    private readonly server: SimulatedServer,
    readonly id: number,
    readonly lockTimeout: number,
  ) {}

  get isInTransaction(): boolean {
    return this.transaction !== undefined;
  }

  execute(text: string, parameters: readonly unknown[], end: (ending: Ending) => void): void {
    const [, command, name = ''] = CONTROL.exec(text) ?? [];
    if (command) return end(this.#control(command.toUpperCase(), name));
    if (this.transaction?.isAborted) return end(aborted());
    if (TERMINATE.test(text)) {
      this.server.terminate(Number(parameters[0]));
      return end(done('SELECT'));
    }
    if (IDENTIFY.test(text)) return end(rows({ identity: this.id }));
    this.server.execute(this, text, parameters, end);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.transaction = undefined;
    this.waitsFor = undefined;
    this.server.forget(this);
    this.onClose?.();
  }

  abort(): void {
    if (this.transaction) this.transaction.isAborted = true;
  }

  #control(command: string, name: string): Ending {
    const { transaction } = this;
    switch (command) {
      case 'START TRANSACTION':
      case 'BEGIN':
        this.transaction ??= new Transaction(); // in a transaction it is only warned of
        return done(command);
      case 'COMMIT':
        return this.#commit();
      case 'ROLLBACK':
        this.#end();
        return done(command);
      case 'SAVEPOINT':
        if (transaction?.isAborted) return aborted();
        transaction?.save(name);
        return done(command);
      case 'ROLLBACK TO SAVEPOINT':
        return transaction?.goBackTo(name) ? done(command) : unknownSavepoint();
      case 'RELEASE SAVEPOINT':
        if (transaction?.isAborted) return aborted();
        return transaction?.release(name) ? done(command) : unknownSavepoint();
      default:
        return done(command);
    }
  }

  #commit(): Ending {
    const isAborted = this.transaction?.isAborted ?? false;
    if (!isAborted) this.server.commit(this);
    this.#end();
    return done(isAborted ? 'ROLLBACK' : 'COMMIT');
  }

  #end(): void {
    this.transaction = undefined;
    this.server.unlock(this);
  }
}

function done(command: string): Ending {
  return { result: { rows: [], rowCount: 0, command } };
}

function rows(...records: Record<string, unknown>[]): Ending {
  return { result: { rows: records, rowCount: records.length, command: 'SELECT' } };
}

function aborted(): Ending {
  return { error: new StatementError('25P02', 'current transaction is aborted') };
}

function unknownSavepoint(): Ending {
  return { error: new StatementError('3B001', 'there is no such savepoint') };
}
