import type { Logger } from '@nestjs/common';
import type { DatabaseConnection } from './database.connection.js';
import { formatDatabaseError } from './database.errors.js';
import { memoryDialect } from './dialect/memory.dialect.js';

/**
 * Tells whether acknowledged deliveries survive a crash, and warns if they do not. Returns true if the check itself
 * fails.
 */
export async function checkDurability(connection: DatabaseConnection, logger: Logger): Promise<boolean> {
  if (connection.dialect === memoryDialect) {
    logger.warn(
      'The inbox is in memory: nothing that is acknowledged survives this process. Use a database file or server outside tests.',
    );
    return false;
  }
  try {
    const problems = await connection.dialect.durabilityProblems((statement) => connection.execute(statement));
    for (const problem of problems) logger.warn(`An acknowledged delivery could be lost in a crash: ${problem}`);
    return problems.length === 0;
  } catch (error) {
    logger.warn(`Whether the database is durable could not be asked: ${formatDatabaseError(error)}`);
    return true;
  }
}
