import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { administer, type DatabaseKind } from './database.js';
import { inspectHardware, installedVersions, versionIn, type Hardware } from './hardware.js';
import { describeRedis } from './redis.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Of each processor, what may be busy before the figures mean little. */
const MAX_QUIET_LOAD = 0.25;

const PACKAGES = [
  '@nestjs/core',
  '@nestjs/platform-express',
  '@nestjs/platform-fastify',
  'express',
  'fastify',
  'typeorm',
  'pg',
  'mysql2',
  'better-sqlite3',
  'class-validator',
  'bullmq',
  'graphile-worker',
  'pg-boss',
];

/** What the figures depend on beside the code. */
export interface Machine extends Hardware {
  /** How busy it was before the benchmark began: processes that ran or waited, averaged over a minute. */
  readonly loadBefore: number;
  readonly database: string;
  /** Undefined when nobody needs it. */
  readonly redis: string | undefined;
  /** What a commit costs on this disk. */
  readonly fdatasync: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly measuredAt: string;
}

export async function inspectMachine(kind: DatabaseKind, isRedisNeeded: boolean): Promise<Machine> {
  const { processor, memory, system, node } = inspectHardware();
  return {
    processor,
    memory,
    system,
    loadBefore: loadavg()[0] ?? 0,
    node,
    database: await describeDatabase(kind),
    redis: isRedisNeeded ? await describeRedis() : undefined,
    fdatasync: await testFdatasync(),
    packages: {
      'nestjs-cr3dentials-webhook': versionIn(join(root, 'package.json')),
      ...installedVersions(PACKAGES, import.meta.url), // from the benchmark's own packages upwards
    },
    measuredAt: new Date().toISOString(),
  };
}

/** For the foot of a chart. */
export function summarizeMachine({ processor, memory, node, database }: Machine): string {
  return `${processor}, ${memory}, Node ${node}, ${database.replace(/[,(].*/, '').trim()}, every commit on disk`;
}

export function describeMachine({ processor, memory, system, loadBefore, ...machine }: Machine): string {
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  return [
    `${processor}, ${memory}, Node ${machine.node}, ${[machine.database, machine.redis ?? []].flat().join('; ')}`,
    `${system}, fdatasync ${machine.fdatasync}, load ${loadBefore.toFixed(1)} before, ${machine.measuredAt}`,
    packages.join(', '),
    ...(loadBefore > MAX_QUIET_LOAD * cpus().length
      ? ['NOT A QUIET MACHINE: something else ran before this began.']
      : []),
  ].join('\n');
}

/** @throws Error when the server would acknowledge what is not on disk: then nothing measured would mean anything */
async function describeDatabase(kind: DatabaseKind): Promise<string> {
  if (kind === 'sqlite') return 'SQLite, synchronous = FULL (this module), as TypeORM opens it (peers)';
  if (kind === 'mariadb') {
    const [row] = await administer(kind, 'SELECT version() AS version, @@innodb_flush_log_at_trx_commit AS flushed');
    if (Number(row?.flushed) !== 1) throw new Error('Set innodb_flush_log_at_trx_commit = 1 to measure MariaDB.');
    return `MariaDB ${String(row?.version)}, innodb_flush_log_at_trx_commit = 1`;
  }
  const [row] = await administer(
    kind,
    `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
            current_setting('synchronous_commit') AS commit, current_setting('shared_buffers') AS buffers`,
  );
  if (row?.fsync !== 'on' || row.commit !== 'on')
    throw new Error('Set fsync = on and synchronous_commit = on to measure PostgreSQL.');
  return `PostgreSQL ${String(row.version)}, fsync = on, synchronous_commit = on, shared_buffers = ${String(row.buffers)}`;
}

/** Ends the tool once it has said what is asked for: what it goes on to measure takes a quarter of a minute. */
async function testFdatasync(): Promise<string> {
  const tool = await findTool('pg_test_fsync');
  if (!tool) return 'not measured: pg_test_fsync was not found';
  const file = join(root, 'bench/dist/pg_test_fsync.out');
  const child = spawn(tool, ['-s', '1', '-f', file], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  for await (const line of createInterface(child.stdout)) {
    const figure = /^\s*fdatasync\s+(\S.*)$/.exec(line)?.[1];
    if (!figure) continue;
    child.kill();
    await ended;
    await rm(file, { force: true });
    return figure.replaceAll(/\s+/g, ' ');
  }
  return 'not measured: pg_test_fsync did not say';
}

async function findTool(name: string): Promise<string | undefined> {
  const debian = '/usr/lib/postgresql';
  const ofVersions = existsSync(debian) ? await readdir(debian) : [];
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...ofVersions.map((version) => join(debian, version, 'bin')),
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
