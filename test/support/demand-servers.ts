import { databases, freshDatabase } from './databases.js';

/** Before any test: a server that is missing fails the run in one line rather than each test in its own way. */
export default async function demandServers(): Promise<void> {
  for (const kind of databases) {
    try {
      const database = await freshDatabase(kind);
      await database.drop();
    } catch (error) {
      const { message, code } = error as { message?: string; code?: string };
      throw new Error(
        `No ${kind} to test with (${message || code}). Start it, or set TEST_POSTGRES_URL and TEST_MARIADB_URL.`,
        { cause: error },
      );
    }
  }
}
