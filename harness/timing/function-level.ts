import { inRandomOrder, type Guesses } from './guesses.js';

export type Comparing = (guess: string, name: string) => boolean;

/** Nanoseconds of one comparison each, by class. */
export function timeComparing(include: Comparing, { classes }: Guesses, rounds: number): Map<string, number[]> {
  const times = new Map([...classes.keys()].map((name) => [name, [] as number[]]));
  for (const name of inRandomOrder([...classes.keys()], rounds)) {
    const guess = classes.get(name)?.() ?? '';
    const before = process.hrtime.bigint();
    const included = include(guess, name);
    const after = process.hrtime.bigint();
    if (included) throw new Error('A wrong guess was let in.');
    times.get(name)?.push(Number(after - before));
  }
  return times;
}
