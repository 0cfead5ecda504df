import { UNFINISHED } from '../deliveries.sql.js';
import type { DatabaseKind } from '../database.js';
import type { Program } from '../processes.js';

export interface Table {
  readonly table: string;
  /** Which of its rows have not been handled, where it records that. */
  readonly unfinished?: string;
}

/** Where a delivery is when it has been acknowledged. */
export type Kept = Table | 'nowhere' | 'memory' | 'Redis';

export interface Contender {
  readonly name: ContenderName;
  readonly label: string;
  readonly program: Program;
  readonly kept: Kept;
  /** The database that it is written for, if it is only one. */
  readonly only?: DatabaseKind;
}

const OURS = { table: 'cr3dentials_webhook_delivery_state', unfinished: UNFINISHED };
const PEERS = { table: 'bench_event' };

const definitions = {
  'ours-express': ['this module, Express', OURS, 'ours', 'express'],
  'ours-express-raw': ['this module, Express, rawBody', OURS, 'ours', 'express', 'rawBody'],
  'ours-fastify': ['this module, Fastify', OURS, 'ours', 'fastify'],
  'ours-fastify-sealed': ['this module, Fastify, encryption', OURS, 'ours', 'fastify', 'sealed'],
  'metrics-fastify': ['this module with metrics, Fastify', OURS, 'ours', 'fastify', 'metrics'],
  'context-fastify': ['this module in an app with a context, Fastify', OURS, 'ours', 'fastify', 'context'],
  'traces-fastify': ['this module with traces, Fastify', OURS, 'ours', 'fastify', 'traces'],
  'empty-express': ['empty handler, Express', 'nowhere', 'empty', 'express'],
  'empty-fastify': ['empty handler, Fastify', 'nowhere', 'empty', 'fastify'],
  'validating-express': ['ValidationPipe alone, Express', 'nowhere', 'validating', 'express'],
  'validating-fastify': ['ValidationPipe alone, Fastify', 'nowhere', 'validating', 'fastify'],
  documented: ["the provider's documented handler", 'memory', 'documented'],
  'find-then-save': ['findOne, save, emit', PEERS, 'find-then-save', 'express'],
  'insert-on-conflict': ['INSERT … ON CONFLICT, emit', PEERS, 'insert-on-conflict', 'express'],
  bullmq: ['controller that enqueues to BullMQ', 'Redis', 'bullmq', 'express'],
  bare: ['the bare limit: node:http and pg alone', OURS, 'bare'],
} as const satisfies Record<string, readonly [label: string, kept: Kept, file: string, ...args: string[]]>;

export type ContenderName = keyof typeof definitions | 'forgetful';

export const contenderNames = Object.keys(definitions) as (keyof typeof definitions)[];

/** In the order of the table. */
export const contenders: readonly Contender[] = contenderNames.map((name) => {
  const [label, kept, file, ...args] = definitions[name];
  return {
    name,
    label,
    kept,
    program: { file: `contenders/${file}.js`, args },
    ...(name === 'bare' && { only: 'postgres' as const }),
  };
});

/** Returns those of these names that this database can be measured with, in the order of the table. */
export function contendersFor(names: readonly ContenderName[], database: DatabaseKind): Contender[] {
  return contenders.filter(({ name, only = database }) => names.includes(name) && only === database);
}

/** Loses deliveries, and must be found out. */
export const forgetful: Contender = {
  name: 'forgetful',
  label: 'loses every tenth',
  kept: PEERS,
  program: { file: 'contenders/forgetful.js', args: [] },
};
