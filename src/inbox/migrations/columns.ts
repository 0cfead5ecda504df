import { Table, type QueryRunner, type TableColumnOptions, type TableIndexOptions } from 'typeorm';

/** Returns the collation that compares byte by byte and does not ignore trailing spaces. */
async function exactCollation(queryRunner: QueryRunner): Promise<string> {
  const [row] = (await queryRunner.query('SELECT version() AS version')) as { version: string }[];
  return /mariadb/i.test(row?.version ?? '') ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin';
}

/** Returns a column of epoch milliseconds. */
export function time(name: string): TableColumnOptions {
  return { name, type: 'bigint' };
}

/** Returns the column with nulls allowed. */
export function optional(column: TableColumnOptions): TableColumnOptions {
  return { ...column, isNullable: true };
}

/** Columns and tables as a database has them. */
export type Types = Awaited<ReturnType<typeof typesOf>>;

/** Returns what makes columns and tables that fit the database of a connection. */
export async function typesOf(queryRunner: QueryRunner) {
  const { options } = queryRunner.connection;
  const isMySql = options.type === 'mysql' || options.type === 'mariadb';
  const prefix = options.entityPrefix ?? '';
  // Comparison is exact and every character fits, whatever the defaults of the server and the database are.
  const exact = isMySql ? { charset: 'utf8mb4', collation: await exactCollation(queryRunner) } : {};
  const hash = isMySql ? { charset: 'ascii', collation: 'ascii_bin' } : {};
  const ascii = (name: string, length: number) => ({ name, type: 'varchar', length: String(length), ...hash });
  return {
    prefix,
    isMySql,
    exact,
    hash,
    id: (name: string): TableColumnOptions => ascii(name, 36),
    sha256: (name: string): TableColumnOptions => ascii(name, 64),
    keyId: ascii('key_id', 64) as TableColumnOptions,
    text: (name: string, length: number): TableColumnOptions => ({
      name,
      type: 'varchar',
      length: String(length),
      ...exact,
    }),
    body: (name: string): TableColumnOptions => ({ name, type: isMySql ? 'longtext' : 'text', ...exact }),
    count: (name: string): TableColumnOptions => ({ name, type: isMySql ? 'int' : 'integer', default: 0 }),
    /** Number with a fraction. */
    fraction: (name: string): TableColumnOptions => ({ name, type: isMySql ? 'double' : 'double precision' }),
    // MySQL has no partial indexes. There, rows outside the query are in the index as nulls.
    where: (condition: string) => (isMySql ? {} : { where: condition }),
    table: (name: string, columns: TableColumnOptions[], indices: TableIndexOptions[] = []) =>
      new Table({ name: prefix + name, columns, indices, ...(isMySql && { engine: 'InnoDB' }) }),
  };
}
