import { Command, InvalidArgumentError, Option } from 'commander';
import type { DatabaseKind } from './simulation.js';

export interface Choices {
  readonly schedules: number;
  /** Seconds of processor time after which no further schedule begins. */
  readonly seconds?: number;
  /** Seed of the first schedule. The others follow it. */
  readonly seed: number;
  readonly database: DatabaseKind;
  readonly trace: boolean;
  readonly controls: boolean;
}

export function parseArguments(argv: readonly string[]): Choices {
  return new Command('test:simulation')
    .description('Runs schedules of several instances in one process, with faults, under a seed.')
    .option('--schedules <number>', 'schedules to run; with --controls, for each control at the most', number, 2_000)
    .option('--seconds <number>', 'processor time after which no further schedule begins', number)
    .option('--seed <number>', 'seed of the first schedule', number, 1)
    .addOption(
      new Option('--database <kind>', 'the simulated server, PostgreSQL at TEST_POSTGRES_URL, or a file of SQLite')
        .choices(['memory', 'postgres', 'sqlite'] satisfies DatabaseKind[])
        .default('memory'),
    )
    .option('--trace', 'print everything that happens', false)
    .option('--controls', 'put faults into the module, one after the other, each of which must be found', false)
    .parse([...argv], { from: 'user' })
    .opts<Choices>();
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('Not a whole number from 1.');
  return value;
}
