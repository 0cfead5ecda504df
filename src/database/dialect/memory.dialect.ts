import type { Dialect } from './dialect.js';
import { sqliteDialect } from './sqlite.dialect.js';

/** SQLite without a file, for tests. Its data ends with the process. */
export const memoryDialect: Dialect = { ...sqliteDialect };
