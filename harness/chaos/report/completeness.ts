import type { Results } from '../campaign.js';
import type { Fault } from '../fault.js';

/** Trials of `sigkill` on each database: the README's bound is made of them. */
const KILLS = 200;
const SESSIONS = 1_000;
const COPIES = 50;

/** Returns a sentence for each thing that published results must have and these lack. */
export function missingIn(
  { figures, duplicates }: Results,
  faults: readonly Pick<Fault, 'name' | 'databases'>[],
): string[] {
  const measured = new Set(figures.map(({ fault, database }) => `${fault} on ${database}`));
  const wanted = faults.flatMap(({ name, databases }) => databases.map((database) => `${name} on ${database}`));
  const kills = figures.filter(({ fault, trials }) => fault === 'sigkill' && trials < KILLS);
  const sent = duplicates.filter(({ program }) => program === 'ours');
  const tooFew = sent.filter(({ sessions, copies }) => sessions < SESSIONS || copies < COPIES);
  return [
    ...wanted.filter((one) => !measured.has(one)).map((one) => `${one} was not measured.`),
    ...[...measured].filter((one) => !wanted.includes(one)).map((one) => `${one} is measured, but is no fault.`),
    ...kills.map(({ database, trials }) => `sigkill on ${database} had ${trials} trials, not ${KILLS}.`),
    ...(sent.length < 6 ? [`duplicates were sent ${sent.length} times, not to 2 platforms on 3 databases.`] : []),
    ...tooFew.map(({ platform, database }) => `duplicates to ${platform} on ${database} were too few.`),
  ];
}
