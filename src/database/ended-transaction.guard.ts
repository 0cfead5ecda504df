import type { EntityManager, QueryRunner } from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';

/** Transaction that a handler writes in, as the handler sees it. */
export interface HandlerTransaction {
  readonly manager: EntityManager;
  /** True while a transaction that the handler began inside this one is open. */
  readonly isNested: boolean;
  /** Makes the manager refuse every further statement. */
  end(): void;
}

/** Query runner with its depth of nested transactions, which TypeORM does not expose. */
type Nesting = QueryRunner & { transactionDepth: number };

/**
 * Statements that begin or end the transaction as a whole. Those of TypeORM itself, such as `ROLLBACK TO`, only end
 * what is nested in it.
 */
const TRANSACTION_CONTROL =
  /^\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|ROLLBACK(?!\s+((WORK|TRANSACTION)\s+)?TO))\b/i;

/**
 * Gives a handler a manager of its own in the transaction of a query runner. A copy of the runner counts nested
 * transactions, so the handler cannot commit, roll back or release what is not its own. Once the transaction has ended,
 * the manager refuses every statement: a handler that has timed out may still run, while its connection serves other
 * work.
 */
export function handlerTransaction(runner: QueryRunner): HandlerTransaction {
  let hasEnded = false;
  const { transactionDepth } = runner as Nesting;
  const own = Object.create(runner) as Nesting;
  const isNested = () => own.transactionDepth > transactionDepth;
  const refusal = (text = '') => {
    if (hasEnded) return ended();
    return TRANSACTION_CONTROL.test(text) ? notYours() : undefined;
  };

  own.query = async (text: string, ...rest: never[]) => {
    const error = refusal(text);
    if (error) throw error;
    return (await runner.query(text, ...rest)) as never;
  };
  own.stream = async (text, ...rest) => {
    const error = refusal(text);
    if (error) throw error;
    return runner.stream(text, ...rest);
  };
  own.commitTransaction = async () => {
    if (!isNested()) throw notYours();
    await runner.commitTransaction.call(own);
  };
  own.rollbackTransaction = async () => {
    if (!isNested()) throw notYours();
    await runner.rollbackTransaction.call(own);
  };
  own.release = () => Promise.resolve();

  return {
    manager: runner.manager.connection.createEntityManager(own),
    get isNested() {
      return isNested();
    },
    end() {
      hasEnded = true;
    },
  };
}

function ended(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'The transaction of this handler has ended. Stop at context.signal, and await every write before returning.',
  );
}

function notYours(): Error {
  return new Cr3dentialsWebhookError(
    'NOT_TRANSACTIONAL',
    'A handler cannot begin, commit or roll back the transaction that it is given. Throw to roll it back, or nest one with manager.transaction().',
  );
}
