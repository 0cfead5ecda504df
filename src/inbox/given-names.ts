import type { DataSource, EntityMetadata } from 'typeorm';
import { cr3dentialsWebhookEntities } from './entities.js';

/**
 * Gives our entities the names in the DataSource that the migrations have given to their tables and columns. A naming
 * strategy of the host may have changed them. Its `entityPrefix` and its schema count.
 */
export function useGivenNames(host: DataSource): void {
  for (const entity of cr3dentialsWebhookEntities) nameAsGiven(host, host.getMetadata(entity));
}

function nameAsGiven({ driver, options }: DataSource, metadata: EntityMetadata): void {
  const { givenTableName = '', columns, schema, database } = metadata;
  const tableName = `${options.entityPrefix ?? ''}${givenTableName}`;
  const tablePath = driver.buildTableName(tableName, schema, database);
  Object.assign(metadata, { tableNameWithoutPrefix: givenTableName, tableName, tablePath });
  for (const column of columns) {
    const databaseName = column.givenDatabaseName ?? column.propertyName;
    Object.assign(column, { databaseName, databaseNameWithoutPrefixes: databaseName, databasePath: databaseName });
  }
}
