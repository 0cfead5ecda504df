import type { Results } from '../campaign.js';
import type { Figure } from '../figures.js';
import type { DuplicatesFigure } from '../duplicates.js';
import { outOf, thousands } from './statistics.js';

const NAMES = { sqlite: 'SQLite', postgres: 'PostgreSQL', mariadb: 'MariaDB' } as const;
const PROGRAMS = {
  ours: 'this module',
  documented: "the provider's documented handler",
  broken: 'a host that is broken on purpose',
  forgetful: 'a host that forgets the handlers of other versions',
  leaky: 'a host that leaves a transaction open',
} as const;

/** Returns the figures of the document: one row for each fault, the controls, the duplicates. */
export function markdownOf(results: Results): string {
  return [
    circumstancesOf(results),
    '### Summary',
    summaryOf(results.figures),
    '### Controls',
    controlsOf(results.controls),
    '### Parallel duplicates',
    duplicatesOf(results.duplicates),
    '### How each fault is made',
    table(
      ['fault', 'how'],
      results.faults.map(({ name, how }) => [`\`${name}\``, how]),
    ),
  ].join('\n\n');
}

/** Returns the figures of the appendix: one row for each fault on each database. */
export function appendixOf(results: Results): string {
  const { figures } = results;
  return [
    circumstancesOf(results),
    '## Losses',
    lossesOf([...figures, ...totalsBy('database', figures).map((total) => ({ ...total, fault: 'all' }))]),
    '## Answers and repeated runs',
    behaviourOf(figures),
  ].join('\n\n');
}

function circumstancesOf({ machine, seed, at, lease, ackTimeout }: Results): string {
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  return `${at.slice(0, 10)}, seed \`${seed}\`; ${machine.processor}, ${machine.memory}, ${machine.system}, Node ${machine.node}; ${Object.values(machine.databases).join('; ')}; ${packages.join(', ')}. Leases of ${lease} ms, \`ackTimeout\` ${ackTimeout} ms.`;
}

function summaryOf(figures: readonly Figure[]): string {
  const faults = totalsBy('fault', figures);
  const all = faults.slice(1).reduce(sumOf, faults[0] as Figure);
  return table(
    ['fault', 'trials with a loss', 'acknowledged and lost', 'effects twice', 'not ended', 'ended without the lease'],
    [...faults, { ...all, fault: 'all' }].map((figure) => [
      `\`${figure.fault}\``,
      outOf(figure.trialsWithLoss, figure.trials),
      outOf(figure.lost, figure.acknowledged),
      outOf(figure.duplicated, figure.deliveries),
      outOf(figure.unfinished, figure.deliveries),
      outOf(figure.foreignEnds, figure.deliveries),
    ]),
  );
}

function lossesOf(figures: readonly Figure[]): string {
  return table(
    ['fault', 'database', 'trials with a loss', 'acknowledged and lost', 'effects twice'],
    figures.map((figure) => [
      `\`${figure.fault}\``,
      NAMES[figure.database],
      outOf(figure.trialsWithLoss, figure.trials),
      outOf(figure.lost, figure.acknowledged),
      outOf(figure.duplicated, figure.deliveries),
    ]),
  );
}

/** Returns the sums of the figures that have the same fault or the same database. */
function totalsBy(key: 'fault' | 'database', figures: readonly Figure[]): Figure[] {
  return [...new Set(figures.map((figure) => figure[key]))].flatMap((value) => {
    const [first, ...others] = figures.filter((figure) => figure[key] === value);
    return first ? [others.reduce(sumOf, first)] : [];
  });
}

/** Adds up what is counted; the rest is the first one's. */
function sumOf(sum: Figure, one: Figure): Figure {
  return {
    ...sum,
    trials: sum.trials + one.trials,
    trialsWithLoss: sum.trialsWithLoss + one.trialsWithLoss,
    acknowledged: sum.acknowledged + one.acknowledged,
    lost: sum.lost + one.lost,
    deliveries: sum.deliveries + one.deliveries,
    duplicated: sum.duplicated + one.duplicated,
    unfinished: sum.unfinished + one.unfinished,
    foreignEnds: sum.foreignEnds + one.foreignEnds,
  };
}

function behaviourOf(figures: readonly Figure[]): string {
  return table(
    ['fault', 'database', 'not ended', 'ended without the lease', 'begun again', '503', 'slowest answer', 'first 200'],
    figures.map((figure) => [
      `\`${figure.fault}\``,
      NAMES[figure.database],
      outOf(figure.unfinished, figure.deliveries),
      outOf(figure.foreignEnds, figure.deliveries),
      thousands(figure.repeated),
      thousands(figure.unavailable),
      `${thousands(figure.slowestAnswer)} ms`,
      `${thousands(figure.firstAnswerAfter)} ms`,
    ]),
  );
}

function controlsOf(figures: readonly Figure[]): string {
  return table(
    [
      'host',
      'fault',
      'database',
      'trials',
      'acknowledged and lost',
      'effects twice',
      'ended without the lease',
      'not reached',
      'half an effect',
      'left open',
    ],
    figures.map((figure) => [
      PROGRAMS[figure.program],
      `\`${figure.fault}\``,
      NAMES[figure.database],
      thousands(figure.trials),
      `${thousands(figure.lost)} of ${thousands(figure.acknowledged)}`,
      thousands(figure.duplicated),
      thousands(figure.foreignEnds),
      thousands(figure.unreached),
      figure.partial === undefined ? '–' : thousands(figure.partial),
      figure.openTransactions === undefined ? '–' : thousands(figure.openTransactions),
    ]),
  );
}

function duplicatesOf(figures: readonly DuplicatesFigure[]): string {
  return table(
    [
      'host',
      'platform',
      'database',
      'sessions × copies',
      'answered 200',
      'rows',
      'effects',
      'counted',
      'slowest answer',
    ],
    figures.map((figure) => [
      PROGRAMS[figure.program],
      figure.program === 'documented' ? 'Node' : { express: 'Express', fastify: 'Fastify' }[figure.platform],
      NAMES[figure.database],
      `${thousands(figure.sessions)} × ${figure.copies}`,
      thousands(figure.answered200),
      thousands(figure.rows),
      thousands(figure.effects),
      thousands(figure.counted),
      `${thousands(figure.slowestAnswer)} ms`,
    ]),
  );
}

/** Aligns a table as the formatter of the documents does. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(3, ...[head, ...rows].map((row) => (row[column] ?? name).length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
