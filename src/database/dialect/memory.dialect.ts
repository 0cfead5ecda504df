import type { Dialect } from './dialect.js';
import { sqliteDialect } from './sqlite.dialect.js';

/** SQLite without a file, for tests: nothing survives the process. */
export const memoryDialect: Dialect = { ...sqliteDialect };
