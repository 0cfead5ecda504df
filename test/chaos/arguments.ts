import { Command, InvalidArgumentError, Option } from 'commander';
import { randomBytes } from 'node:crypto';
import type { DatabaseKind } from '../support/database/databases.js';
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

export function chosen(argv: readonly string[]): Choices {
  const names = [...faults.map(({ name }) => name), DUPLICATES];
  return new Command('test:chaos')
    .description('Puts hosts of this module under faults, and counts what is lost.')
    .option('--trials <number>', 'of each fault on each database', number, 1)
    .option('--control-trials <number>', 'of the handler that must be seen to lose', number, 1)
    .addOption(list('--faults <names>', 'which', names))
    .addOption(list('--databases <kinds>', 'where', databaseKinds))
    .option('--sessions <number>', 'of the duplicates', number, 40)
    .option('--copies <number>', 'of each session, at the same moment', number, 50)
    .option('--seed <text>', 'of every random moment', randomBytes(4).toString('hex'))
    .option('--in-turn', 'one database after the other, for figures; else side by side', false)
    .option('--document <file>', 'only make the tables of docs/reliability.md anew, from such figures')
    .option('--out <file>', 'for the figures, as JSON')
    .parse([...argv], { from: 'user' })
    .opts<Choices>();
}

function list<T extends string>(flags: string, description: string, values: readonly T[]): Option {
  return new Option(flags, `${description}: ${values.join(', ')}`)
    .default(values, 'all')
    .argParser((text) => text.split(',').map((name) => oneOf(name, values)));
}

function oneOf<T extends string>(name: string, values: readonly T[]): T {
  const value = values.find((one) => one === name);
  if (value === undefined) throw new InvalidArgumentError(`"${name}" is none of ${values.join(', ')}.`);
  return value;
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Not a whole number from 1.');
  return value;
}
