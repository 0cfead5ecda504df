export function thousands(value: number): string {
  return Math.round(value)
    .toString()
    .replaceAll(/\B(?=(\d{3})+$)/g, ' ');
}

/** The rule of three: when nothing happened in n, it happens at most so often, with 95 % confidence. */
export function upperBound(n: number): string {
  return n > 3 ? `≤ ${Number(((100 * 3) / n).toPrecision(2))} %` : 'no bound';
}

/** A zero is nothing without its denominator. */
export function outOf(times: number, n: number): string {
  return times === 0 ? `0 of ${thousands(n)} (${upperBound(n)})` : `**${thousands(times)}** of ${thousands(n)}`;
}
