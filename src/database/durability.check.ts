import type { Instrumentation } from '../instrumentation/instrumentation.js';
import type { DatabaseConnection } from './database.connection.js';
import { formatDatabaseError } from './database.errors.js';
import { memoryDialect } from './dialect/memory.dialect.js';

/** Tells whether what is acknowledged survives a crash, and warns where it does not. */
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
