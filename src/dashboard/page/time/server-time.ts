import { useEffect, useState } from 'preact/hooks';

/** The database's clock when it was last heard, and this browser's at the same moment. */
const heard = { now: 0, at: 0 };

/** An answer is always a little late, and one that was cached is later still: what is ahead is nearer the truth. */
export function setServerTime(now: number): void {
  if (now < serverTime()) return;
  heard.now = now;
  heard.at = performance.now();
}

/** Returns the time of the database's clock, which ages are computed against; the viewer's clock plays no part. */
export function serverTime(): number {
  return heard.now + (performance.now() - heard.at);
}

/** Renders the component again every second. */
export function useTicking(): number {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) tick((count) => count + 1);
    }, 1_000);
    return () => clearInterval(timer);
  }, []);
  return serverTime();
}
