import type { Instrumentation } from '../instrumentation/instrumentation.js';
import type { DatabaseConnection } from './database.connection.js';
import { formatDatabaseError } from './database.errors.js';
import { memoryDialect } from './dialect/memory.dialect.js';

/**
 * Tells whether acknowledged deliveries survive a crash, and warns if they do not. Returns true if the check itself
 * fails.
 */
export async function checkDurability(
  connection: DatabaseConnection,
  instrumentation: Instrumentation,
): Promise<boolean> {
  if (connection.dialect === memoryDialect) {
    instrumentation.announce('inbox-in-memory', {});
    return false;
  }
  try {
    const problems = await connection.dialect.durabilityProblems((statement) => connection.execute(statement));
    for (const problem of problems) instrumentation.announce('not-durable', { problem });
    return problems.length === 0;
  } catch (error) {
    instrumentation.announce('durability-unknown', { error: formatDatabaseError(error) });
    return true;
  }
}
