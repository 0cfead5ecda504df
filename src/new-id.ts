import { V7Generator } from 'uuidv7';

const POOLED = 1_024;

/** Asks the system for random numbers once in a while: asked for each id, they cost more than all the rest of it. */
class RandomPool {
  readonly #numbers = new Uint32Array(POOLED);
  #used = POOLED;

  nextUint32(): number {
    if (this.#used === POOLED) {
      crypto.getRandomValues(this.#numbers);
      this.#used = 0;
    }
    return this.#numbers[this.#used++] as number;
  }
}

const generator = new V7Generator(new RandomPool());

/** Returns a UUIDv7. Those of one process are in the order in which they were made. */
export function newId(): string {
  return generator.generate().toString();
}
