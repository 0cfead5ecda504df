import { BoundedMap } from '../../concurrency/bounded-map.js';

/** Age up to which counts are shown. Instances write them as often, by default. */
export const COUNTS_AGE_MS = 10_000;
/** Questions whose answers are kept. */
const MAX_ANSWERS = 200;
/** An answer that takes long is asked for less often: a hundredth of the time is spent on it. */
const REST_FACTOR = 100;
const MAX_REST_MS = 10_000;

/**
 * Answers to questions, each of which is asked of the database once in a while, however many viewers there are. Those
 * who ask meanwhile wait for the same answer.
 */
export class SharedAnswers<T> {
  readonly #answers = new BoundedMap<string, { readonly answer: Promise<T>; until: number }>(MAX_ANSWERS);

  constructor(private readonly maxAgeMs: number) {}

  get(question: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(question);
    if (known && known.until > performance.now()) return known.answer;
    const begun = performance.now();
    const asked = { answer: ask(), until: Infinity };
    this.#answers.set(question, asked);
    // Its age counts from when it is there. A failure is not kept.
    asked.answer.then(
      () => (asked.until = performance.now() + this.#ageAfter(performance.now() - begun)),
      () => (asked.until = 0),
    );
    return asked.answer;
  }

  /** Returns for how long an answer is kept that took so many milliseconds. */
  #ageAfter(took: number): number {
    return Math.max(this.maxAgeMs, Math.min(took * REST_FACTOR, MAX_REST_MS));
  }
}
