const whole = new Intl.NumberFormat('en-US');

export function number(value: number): string {
  return whole.format(value);
}

/** Returns a share of successes. What is not all is never shown as all. */
export function success(share: number): string {
  return `${Math.floor(share * 1_000) / 10}%`;
}

export function percent(share: number): string {
  return share > 0 && share < 0.005 ? '<1%' : `${Math.round(share * 100)}%`;
}
