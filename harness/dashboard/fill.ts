import { cr3dentialsWebhookMigrations } from 'nestjs-cr3dentials-webhook';
import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';
import type { DatabaseKind } from './databases.js';
import { dialects, type Dialect } from './dialects.js';
import { HANDLERS } from './names.js';
import { INSTANCES, RowsSql } from './rows.sql.js';

const CHUNK_ROWS = 100_000;
const MINUTES_OF_A_WEEK = 7 * 24 * 60;
const HOURS_OF_A_YEAR = 365 * 24;
const FILLED = ['delivery', 'delivery_state', 'handler_run', 'attempt', 'rejection', 'action', 'bulk', 'tally'].map(
  (name) => `cr3dentials_webhook_${name}`,
);

/** Makes the schema and fills it with so many deliveries and what belongs to them, unless there are some. */
export async function fill(kind: DatabaseKind, options: DataSourceOptions, rows: number): Promise<void> {
  await onConnection(options, async (runner) => {
    await runner.dataSource.runMigrations();
    const [some] = (await runner.query(
      'SELECT delivery_id FROM cr3dentials_webhook_delivery_state LIMIT 1',
    )) as object[];
    if (!some) await fillEmpty(runner, dialects[kind], rows);
  });
}

/** Adds two instances beside the one that runs. */
export async function addInstances(kind: DatabaseKind, options: DataSourceOptions): Promise<void> {
  const sql = new RowsSql(dialects[kind], 1, Date.now());
  await onConnection(options, async (runner) => {
    for (const statement of sql.otherInstances()) await runner.query(statement);
  });
}

async function fillEmpty(runner: QueryRunner, dialect: Dialect, rows: number): Promise<void> {
  const sql = new RowsSql(dialect, rows, Date.now());
  await dialect.prepare(runner);
  const indexes = [];
  for (const table of FILLED) indexes.push(...(await dialect.indexes(runner, table)));
  for (const { drop } of indexes) await runner.query(drop);
  for (let from = 1; from <= rows; from += CHUNK_ROWS)
    for (const statement of sql.deliveries(from, Math.min(rows, from + CHUNK_ROWS - 1))) await runner.query(statement);
  const few = Math.ceil(rows / 50);
  for (const statement of [sql.rejections(few), sql.actions(few), sql.bulks(60)]) await runner.query(statement);
  for (const subject of ['inbox', ...HANDLERS.map((id) => `handler:${id}`)])
    for (const instance of INSTANCES) {
      await runner.query(sql.tallies(60, MINUTES_OF_A_WEEK, subject, instance));
      await runner.query(sql.tallies(3_600, HOURS_OF_A_YEAR, subject, instance));
    }
  for (const { create } of indexes) await runner.query(create);
  for (const statement of dialect.analyze(FILLED)) await runner.query(statement);
}

async function onConnection(options: DataSourceOptions, work: (runner: QueryRunner) => Promise<void>): Promise<void> {
  const dataSource = await new DataSource({ ...options, migrations: [...cr3dentialsWebhookMigrations] }).initialize();
  const runner = dataSource.createQueryRunner();
  try {
    await work(runner);
  } finally {
    await runner.release();
    await dataSource.destroy();
  }
}
