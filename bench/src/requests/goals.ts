import type { ContenderName } from '../contenders/index.js';
import type { Goal } from '../report/goal.js';
import { ratioByRound } from '../report/statistics.js';
import type { RoundRun } from './rounds.js';

type Measure = 'rate' | 'p99';

/** One contender's figure over another's, round by round. */
export function ratio(
  runs: readonly RoundRun[],
  measure: Measure,
  above: readonly [ContenderName, number],
  below: readonly [ContenderName, number],
): number | undefined {
  return ratioByRound(
    runs,
    (run) => run[measure],
    (run) => isOf(run, above),
    (run) => isOf(run, below),
  );
}

function isOf({ contender, connections }: RoundRun, [name, number]: readonly [ContenderName, number]): boolean {
  return contender === name && connections === number;
}

export function requestGoals(runs: readonly RoundRun[]): Goal[] {
  const compared = (measure: Measure, above: ContenderName, below: ContenderName, connections = 64) =>
    ratio(runs, measure, [above, connections], [below, connections]);
  return [
    {
      figure: 'durable rate ÷ the bare limit, Fastify, 64 connections',
      value: compared('rate', 'ours-fastify', 'bare'),
      demand: '≥ 0.7',
    },
    {
      figure: 'durable rate ÷ ValidationPipe storing nothing, Express, 64 connections',
      value: compared('rate', 'ours-express', 'validating-express'),
      demand: '≥ 1',
    },
    {
      figure: 'durable rate ÷ ValidationPipe storing nothing, Fastify, 64 connections',
      value: compared('rate', 'ours-fastify', 'validating-fastify'),
      demand: '≥ 0.9',
    },
    {
      figure: 'durable rate ÷ findOne then save, 64 connections',
      value: compared('rate', 'ours-express', 'find-then-save'),
      demand: '≥ 5',
    },
    {
      figure: 'durable rate ÷ BullMQ on Redis without a disk, 64 connections',
      value: compared('rate', 'ours-express', 'bullmq'),
      demand: '≥ 2',
    },
    {
      figure: 'durable rate with encryption ÷ without, Fastify, 64 connections',
      value: compared('rate', 'ours-fastify-sealed', 'ours-fastify'),
      demand: '≥ 0.95',
    },
    {
      figure: 'no collapse: durable rate at 256 connections ÷ at 64',
      value: ratio(runs, 'rate', ['ours-express', 256], ['ours-express', 64]),
      demand: '≥ 0.9',
    },
    {
      figure: 'ack p99 ÷ ValidationPipe storing nothing, Express, 64 connections',
      value: compared('p99', 'ours-express', 'validating-express'),
      demand: '≤ 1.2',
    },
    {
      figure: 'ack p99 ÷ ValidationPipe storing nothing, Fastify, 64 connections',
      value: compared('p99', 'ours-fastify', 'validating-fastify'),
      demand: '≤ 1.2',
    },
  ];
}
