import type { DatabaseConnection } from '../database/database.connection.js';
import type { Sql } from '../database/sql.js';
import { Delivery } from './delivery.entity.js';
import { findRunMigrations, migrationsTableOf, ownMigrations } from './migration.queries.js';
import { findTablesLike, hasTable, unlessUnavailable } from './schema.queries.js';
import { Tables } from './tables.js';

const MAX_NAMED = 3;

const MIGRATIONS = ownMigrations.join(', ');
const RUN = `Run the migration ${MIGRATIONS}: add migrations: [...cr3dentialsWebhookMigrations] and migrationsRun: true to the DataSource, or run "typeorm migration:run".`;
const SET_BACK = 'If entityPrefix or schema of the DataSource has changed, set it back.';

/**
 * Returns what to do about a table that is missing or incomplete. TypeORM runs no migration twice, so "run it" is of no
 * help once it has run and the names of the tables have changed since.
 */
export async function remedyFor(connection: DatabaseConnection, table: Sql): Promise<string> {
  const hasRun = await findRunMigrations(connection)
    .then(({ size }) => size === ownMigrations.length)
    .catch(unlessUnavailable(connection, false)); // there is no table of migrations, or it may not be read
  const record = `The migration ${MIGRATIONS} has run, as ${migrationsTableOf(connection.hostDataSource)} says`;
  if (await hasTable(connection, table))
    return hasRun ? `${record}, so the table was changed since. Give it back the columns of the migration.` : RUN;
  const others = await findOtherInboxes(connection).catch(unlessUnavailable<string[]>(connection, []));
  const found = others.length > 0 ? `There is an inbox in ${listed(others)}. ` : '';
  if (hasRun)
    return `${found}${record}, so TypeORM does not run it again. ${SET_BACK} Otherwise delete its row there and run it again: it creates the tables that are missing, and leaves the others.`;
  return found ? `${found}${SET_BACK} For another inbox: ${RUN}` : RUN;
}

/** Returns the tables of deliveries with another prefix, then those in other schemas. None if ours is there. */
async function findOtherInboxes(connection: DatabaseConnection): Promise<string[]> {
  const { hostDataSource: host } = connection;
  if (await hasTable(connection, new Tables(host).delivery)) return [];
  const { givenTableName = '', schema } = host.getMetadata(Delivery);
  const found = await findTablesLike(connection, givenTableName);
  return found
    .toSorted((a, b) => Number(b.place === schema) - Number(a.place === schema))
    .map(({ place, name }) => [...(place === undefined ? [] : [place]), name])
    .map((path) => path.map((part) => host.driver.escape(part)).join('.'));
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
