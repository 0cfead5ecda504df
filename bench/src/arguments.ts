import { Command, InvalidArgumentError, Option } from 'commander';
import { engineNames, type EngineName } from './backlog/rounds.js';
import { listOption } from './command-line.js';
import { contenderNames, type ContenderName } from './contenders/index.js';
import { databaseKinds, type DatabaseKind } from './database.js';

export const parts = ['requests', 'backlog', 'growth', 'observing'] as const;
export type Part = (typeof parts)[number];

export interface Choices {
  readonly parts: readonly Part[];
  readonly database: DatabaseKind;
  readonly contenders: readonly ContenderName[];
  readonly engines: readonly EngineName[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly warmUp: number;
  readonly duration: number;
  readonly jobs: number;
  readonly rows: readonly number[];
  readonly memoryAfter: readonly number[];
  readonly burst: number;
  readonly burstConnections: number;
  readonly wakeUps: number;
  readonly out: string;
  readonly smoke: boolean;
  readonly profile?: ContenderName;
  readonly join?: readonly string[];
}

/** Everything, as small as it can be: shows that all of it runs. */
const SMOKE: Partial<Choices> = {
  connections: [16],
  rounds: 1,
  warmUp: 0.2,
  duration: 0.5,
  jobs: 500,
  rows: [0, 1_000],
  memoryAfter: [200, 400],
  burst: 1,
  burstConnections: 200,
  wakeUps: 3,
};

export function chosen(argv: readonly string[]): Choices {
  const command = new Command('bench')
    .description('Measures this module beside what else an application could do with a webhook.')
    .addOption(listOption('--parts <names>', 'what to measure', parts))
    .addOption(
      new Option('--database <kind>', 'for the requests; the other parts are measured on PostgreSQL')
        .choices(databaseKinds)
        .default('postgres'),
    )
    .addOption(listOption('--contenders <names>', 'of the requests', contenderNames))
    .addOption(listOption('--engines <names>', 'of the backlog', engineNames))
    .option('--connections <numbers>', 'of the requests, one after the other', numbers, [16, 64, 256])
    .option('--rounds <number>', 'in each, everyone is measured once', number, 3)
    .option('--warm-up <seconds>', 'not measured', number, 2)
    .option('--duration <seconds>', 'measured, of each contender in each round', number, 5)
    .option('--jobs <number>', 'that wait in the backlog', number, 100_000)
    .option('--rows <numbers>', 'in the inbox, for growth', numbers, [0, 1_000_000, 5_000_000])
    .option('--memory-after <numbers>', 'of deliveries', numbers, [10_000, 100_000, 500_000, 1_000_000])
    .option('--burst <seconds>', 'of ten times the capacity', number, 60)
    .option('--burst-connections <number>', 'that the sender of the burst has', number, 2_000)
    .option('--wake-ups <number>', 'deliveries that wait for an idle worker elsewhere, one by one', number, 40)
    .option('--out <folder>', 'for the results', 'bench/results')
    .option('--smoke', 'everything at a tiny size', false)
    .addOption(new Option('--profile <contender>', 'only say where its processor time goes').choices(contenderNames))
    .option('--join <folders>', 'measure nothing; put together what runs have written there', (text) => text.split(','))
    .parse([...argv], { from: 'user' });
  const choices = command.opts<Choices>();
  return choices.smoke ? { ...choices, ...SMOKE } : choices;
}

function numbers(text: string): number[] {
  return text.split(',').map(number);
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('Not a number.');
  return value;
}
