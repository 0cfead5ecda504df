export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** How far apart the rounds are, as a share of their median: on a quiet machine, a few per cent. */
export function spread(values: readonly number[]): string {
  if (values.length < 2) return '–';
  const share = (Math.max(...values) - Math.min(...values)) / median(values);
  return `${(100 * share).toFixed(0)} %`;
}

/**
 * The median of what `above` was of `below` in each round. Rounds without one of them are left out.
 *
 * @returns undefined when no round has both
 */
export function ratioByRound<R extends { readonly round: number }>(
  runs: readonly R[],
  figure: (run: R) => number,
  above: (run: R) => boolean,
  below: (run: R) => boolean,
): number | undefined {
  const ratios: number[] = [];
  for (const round of new Set(runs.map((run) => run.round))) {
    const inRound = runs.filter((run) => run.round === round);
    const [numerator, denominator] = [inRound.find(above), inRound.find(below)];
    if (numerator && denominator) ratios.push(figure(numerator) / figure(denominator));
  }
  return ratios.length > 0 ? median(ratios) : undefined;
}
