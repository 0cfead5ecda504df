/** Limit from which dudect (Reparaz, Balasch, Verbauwhede 2017) takes a difference for no accident. */
export const THRESHOLD = 4.5;

export interface Comparison {
  /** Medians, in the unit of what was measured. */
  readonly median: number;
  readonly reference: number;
  /** Welch's t of the difference of means, the slowest tenth of both left out. */
  readonly t: number;
}

/** Tells whether two classes of measurements differ. The slow tail is interruptions, and is cut at one value for both. */
export function compare(measured: readonly number[], reference: readonly number[]): Comparison {
  const cut = quantile([...measured, ...reference], 0.9);
  const [one, other] = [measured, reference].map((all) => moments(all.filter((value) => value <= cut)));
  if (!one || !other) throw new Error('There is nothing to compare.');
  const error = Math.sqrt(one.variance / one.count + other.variance / other.count);
  const difference = one.mean - other.mean;
  return {
    median: quantile(measured, 0.5),
    reference: quantile(reference, 0.5),
    t: difference === 0 ? 0 : difference / error,
  };
}

export function isToldApart({ t }: Comparison): boolean {
  return Math.abs(t) > THRESHOLD;
}

function moments(values: readonly number[]): { count: number; mean: number; variance: number } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { count, mean, variance };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
