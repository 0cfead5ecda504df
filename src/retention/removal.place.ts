/** How far a removal has come, by the time of the end of deliveries. */
export interface Place {
  from: number;
  /** Time of the first that somebody has locked. */
  leftFrom: number;
}

/** Returns where the next run goes on. */
export function cursorOf({ from, leftFrom }: Place): number {
  return Math.min(from, leftFrom);
}
