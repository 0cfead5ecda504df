import { setTimeout as sleep } from 'node:timers/promises';

/** Awaits a fact: asks until the answer is truthy, and fails with `what` when it never is. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  milliseconds = 15_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`It never came true that ${what}.`);
    await sleep(10);
  }
}
