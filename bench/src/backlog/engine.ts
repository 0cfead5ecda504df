import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { setting } from '../contenders/contender.js';

const POLL_INTERVAL_MS = 5;

/** Something that works off jobs that wait in a database. */
export interface Engine {
  /** Jobs that do nothing but call `handle`, each with a payload of a delivery's size, due now. */
  fill(jobs: number, handle: () => void): Promise<unknown>;
  /** Begins to work. */
  open(handle: () => void): Promise<unknown>;
  /** Jobs whose end has not been recorded. */
  remaining(): Promise<number>;
  close(): Promise<unknown>;
}

export interface Drained {
  readonly seconds: number;
  /** How often a job was run; more than there are when some ran twice. */
  readonly runs: number;
}

/** Fills the engine, then takes the time from its opening until the last end has been recorded. */
export async function drain(engine: Engine): Promise<void> {
  const jobs = Number(process.argv[2]);
  let runs = 0;
  let allRun: (() => void) | undefined;
  const ran = new Promise<void>((resolve) => {
    allRun = resolve;
  });
  const handle = (): void => {
    if (++runs === jobs) allRun?.();
  };
  await engine.fill(jobs, handle);
  const beganAt = performance.now();
  await engine.open(handle);
  await ran;
  while ((await engine.remaining()) > 0) await sleep(POLL_INTERVAL_MS);
  const seconds = (performance.now() - beganAt) / 1_000;
  await engine.close();
  process.send?.({ seconds, runs } satisfies Drained);
  process.disconnect?.();
}

export async function connect(): Promise<DataSource> {
  return new DataSource(setting().database).initialize();
}

/** So that nobody starts with the work that filling has left to the server. */
export async function settle(database: DataSource): Promise<void> {
  await database.query('VACUUM ANALYZE');
  await database.query('CHECKPOINT');
}

export async function count(database: DataSource, rows: string): Promise<number> {
  const [row] = await database.query<{ count: string }[]>(`SELECT count(*) AS count FROM ${rows}`);
  return Number(row?.count);
}
