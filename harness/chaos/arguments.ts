import { Command, InvalidArgumentError } from 'commander';
import { randomBytes } from 'node:crypto';
import { listOption } from '../../bench/src/command-line.js';
import type { DatabaseKind } from '../../test/support/database/databases.js';
import { faults } from './faults/index.js';

const databaseKinds: readonly DatabaseKind[] = ['sqlite', 'postgres', 'mariadb'];
export const DUPLICATES = 'duplicates';

export interface Choices {
  readonly trials: number;
  readonly controlTrials: number;
  readonly faults: readonly string[];
  readonly databases: readonly DatabaseKind[];
  readonly sessions: number;
  readonly copies: number;
  readonly seed: string;
  readonly inTurn: boolean;
  readonly document?: string;
  readonly out?: string;
}

export function parseArguments(argv: readonly string[]): Choices {
  const names = [...faults.map(({ name }) => name), DUPLICATES];
  return new Command('test:chaos')
    .description('Injects faults into hosts of this module under load, and counts what is lost.')
    .option('--trials <number>', 'trials of each fault on each database', number, 1)
    .option(
      '--control-trials <number>',
      'trials of each control, a host that must be seen to break the promise',
      number,
      1,
    )
    .addOption(listOption('--faults <names>', 'faults to inject', names))
    .addOption(listOption('--databases <kinds>', 'databases to test', databaseKinds))
    .option('--sessions <number>', 'sessions that are sent in duplicate', number, 40)
    .option('--copies <number>', 'copies of each session, sent at the same moment', number, 50)
    .option('--seed <text>', 'seed of every random choice', randomBytes(4).toString('hex'))
    .option('--in-turn', 'test one database after the other, for exact times, instead of side by side', false)
    .option('--document <file>', 'only write the tables of docs/reliability.md, from these results')
    .option('--out <file>', 'write the results there, as JSON')
    .parse([...argv], { from: 'user' })
    .opts<Choices>();
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Not a whole number from 1.');
  return value;
}
