import type { Results } from '../campaign.js';
import { faults } from '../faults/index.js';

/** Puts later results in the place of earlier ones. The rest is the later run's: seed, machine, time. */
export function merged(before: Results, after: Results): Results {
  const { figures, controls, duplicates } = after;
  return {
    ...after,
    faults: faults
      .filter(({ name }) => [...before.faults, ...after.faults].some((one) => one.name === name))
      .map(({ name, how }) => ({ name, how })),
    figures: inOrder(together(before.figures, figures, ({ fault, database }) => `${fault} ${database}`)),
    controls: inOrder(
      together(before.controls, controls, ({ fault, database, program }) => `${fault} ${database} ${program}`),
    ),
    duplicates: together(
      before.duplicates,
      duplicates,
      ({ database, platform, program }) => `${database} ${platform} ${program}`,
    ),
  };
}

function together<T>(before: readonly T[], after: readonly T[], key: (one: T) => string): T[] {
  return [...new Map([...before, ...after].map((one) => [key(one), one])).values()];
}

/** Sorts the faults as they are listed. */
function inOrder<T extends { readonly fault: string }>(figures: readonly T[]): T[] {
  const order = faults.map(({ name }) => name);
  return figures.toSorted((a, b) => order.indexOf(a.fault) - order.indexOf(b.fault));
}
