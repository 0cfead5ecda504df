import type { DatabaseConnection } from './database.connection.js';
import { DatabaseTimeoutError, errorCode } from './database.errors.js';
import type { Sql } from './sql.js';

/**
 * Runs a query of an operator, which the server ends after the time.
 *
 * @throws DatabaseTimeoutError
 */
export async function queryWithLimit(
  connection: DatabaseConnection,
  query: Sql,
  timeoutMs: number,
): Promise<Record<string, unknown>[]> {
  const statements = connection.dialect.withTimeLimit(query, timeoutMs);
  try {
    const [only] = statements;
    if (only && statements.length === 1) return (await connection.execute(only, 'operating')).records;
    const steps = statements.map((statement) => () => statement);
    return (await connection.transactionOf(steps, 'operating')).at(-1)?.records ?? [];
  } catch (error) {
    throw connection.dialect.hasReachedLimit(errorCode(error), errorNumber(error))
      ? new DatabaseTimeoutError(timeoutMs)
      : error;
  }
}

function errorNumber(error: unknown): unknown {
  const { errno, driverError } = Object(error) as { errno?: unknown; driverError?: { errno?: unknown } };
  return errno ?? driverError?.errno;
}
