import { createHash } from 'node:crypto';

/** Draws the moments of the faults and what is sent. Published seeds depend on its sequence. */
export class Random {
  #counter = 0;

  constructor(private readonly seed: string) {}

  /** Returns a number from 0 up to, but not including, 1. */
  next(): number {
    return this.#digest().readUIntBE(0, 6) / 2 ** 48;
  }

  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.whole(0, choices.length - 1)];
    if (choice === undefined) throw new Error('There is nothing to choose from.');
    return choice;
  }

  hex(length: number): string {
    return this.#digest().toString('hex').slice(0, length);
  }

  #digest(): Buffer {
    return createHash('sha256').update(`${this.seed}/${this.#counter++}`).digest();
  }
}
